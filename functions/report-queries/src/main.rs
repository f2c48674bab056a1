fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(report_queries::function)
}
