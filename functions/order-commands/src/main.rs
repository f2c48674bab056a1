//! The Lambda function `order-commands`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(order_commands::function).await
}
