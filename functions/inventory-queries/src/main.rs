//! The Lambda function `inventory-queries`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(inventory_queries::function).await
}
