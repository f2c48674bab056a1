fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(projections::order_index::function)
}
