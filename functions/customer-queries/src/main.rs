//! The Lambda function `customer-queries`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(customer_queries::function).await
}
