//! The Lambda function `customer-commands`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(customer_commands::function).await
}
