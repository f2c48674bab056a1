//! The Lambda function `report-queries`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(report_queries::function).await
}
