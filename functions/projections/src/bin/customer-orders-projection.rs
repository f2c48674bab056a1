fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(projections::customer_orders::function)
}
