//! The Lambda function `payment-commands`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(payment_commands::function).await
}
