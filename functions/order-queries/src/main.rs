fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(order_queries::function)
}
