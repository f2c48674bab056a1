//! The Lambda function `fire-timers`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(fire_timers::function).await
}
