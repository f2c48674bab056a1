fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(inventory_queries::function)
}
