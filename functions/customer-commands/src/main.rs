fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(customer_commands::function)
}
