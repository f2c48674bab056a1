fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(projections::stock_levels::function)
}
