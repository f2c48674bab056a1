fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(admin::function)
}
