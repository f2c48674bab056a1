//! The Lambda function `inventory-commands`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(inventory_commands::function).await
}
