//! Processes that are killed after any of their writes. Whatever was under way is gone with them; queues and streams deliver
//! it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use local_stack::dynamodb::Embedded;
use local_stack::{DynamoDb, Options};
use payment_gateway::Sandbox;
use rust_decimal::Decimal;
use tokio::task::JoinHandle;

use super::body;
use crate::support::api::options;
use crate::support::{Api, FaultProxy, template_of};

/// The time of every function: that is how long a process that hangs takes to die.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// How many worlds there are at once. They mostly wait for time limits.
const AT_ONCE: usize = 4;

/// Those that the fulfilment needs. Read models and notifications are shown to survive elsewhere, and left out.
const SERVICES: [&str; 4] = ["fulfilment", "inventory-commands", "order-commands", "payment-commands"];

/// A stack whose functions reach DynamoDB through a proxy.
struct World {
    api: Api,
    proxy: Arc<FaultProxy>,
    is_killed: Arc<AtomicBool>,
    undertaker: JoinHandle<()>,
    _embedded: Embedded,
}

impl World {
    async fn new() -> Self {
        let embedded = Embedded::memory().await.unwrap();
        let proxy = Arc::new(FaultProxy::start(embedded.endpoint()).await);
        let options = Options {
            dynamodb: DynamoDb::Endpoint(embedded.endpoint().to_owned()),
            function_dynamodb_endpoint: Some(proxy.endpoint.clone()),
            ..options(true)
        };
        let mut template = template_of(&options);
        for function in &mut template.functions {
            function.timeout = TIME_LIMIT;
            if function.binary != "event-relay" {
                function.triggers.clear();
            }
            if !SERVICES.contains(&function.binary.as_str()) {
                function.queues.clear();
            }
        }
        let is_killed = Arc::new(AtomicBool::new(false));
        Self {
            api: Api::start_from(template, options).await,
            undertaker: tokio::spawn(bury(proxy.clone(), is_killed.clone())),
            proxy,
            is_killed,
            _embedded: embedded,
        }
    }

    /// Everything that follows from `act` happens only once the next write but so many is going to kill.
    async fn kill_after<T>(&self, survived: u32, act: impl Future<Output = T>) -> T {
        self.api.stack.caught_up().await.unwrap();
        self.api.stack.pause_bus();
        let acted = act.await;
        self.proxy.hang_after_writes(survived);
        self.api.stack.resume_bus();
        acted
    }

    /// Whether the write came that was to kill. Nothing is under way any more.
    async fn end(self) -> bool {
        self.api.stack.caught_up().await.unwrap();
        self.undertaker.abort();
        self.is_killed.load(Ordering::SeqCst)
    }
}

/// Lets what hangs die, and what takes its place live.
async fn bury(proxy: Arc<FaultProxy>, is_killed: Arc<AtomicBool>) {
    loop {
        if proxy.is_hanging() {
            is_killed.store(true, Ordering::SeqCst);
            tokio::time::sleep(TIME_LIMIT).await;
            proxy.pass();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Fulfils an order, killed after so many writes. Returns false when it needs no more than those.
async fn is_killed_and_fulfilled(survived: u32) -> bool {
    let world = World::new().await;
    let api = &world.api;
    api.stock_up("A-1", 10).await;
    api.stock_up("B-2", 10).await;
    let order = body(&[("A-1", 3), ("B-2", 4)]);
    let order_id = world.kill_after(survived, api.submit(order, "pm_visa")).await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.stack.caught_up().await.unwrap();
    let stock = (api.stock("A-1").await, api.stock("B-2").await);
    assert_eq!(stock, ((10, 3), (10, 4)), "killed after {survived}");
    let balance = Sandbox::shared().balance(&order_id);
    assert_eq!(balance.captured, Decimal::from(70), "killed after {survived}");
    world.end().await
}

/// The same of an order that is cancelled after its payment.
async fn is_killed_and_undone(survived: u32) -> bool {
    let world = World::new().await;
    let api = &world.api;
    api.stock_up("A-1", 10).await;
    let order_id = api.submit(body(&[("A-1", 3)]), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    world.kill_after(survived, api.cancel(&order_id)).await;
    api.fulfilment_is(&order_id, "cancelled").await;
    api.stack.caught_up().await.unwrap();
    assert_eq!(api.stock("A-1").await, (10, 0), "killed after {survived}");
    let balance = Sandbox::shared().balance(&order_id);
    assert!(
        balance.held.is_zero() && balance.captured == balance.refunded,
        "killed after {survived}: {balance:?}"
    );
    world.end().await
}

/// With ever later kills, until there is nothing more to kill. Returns how many there were.
async fn killed_after_each_write<Run: Future<Output = bool>>(run: impl Fn(u32) -> Run) -> usize {
    let runs = futures::stream::iter(0..).map(run).buffered(AT_ONCE);
    runs.take_while(|is_killed| std::future::ready(*is_killed))
        .count()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fulfilment_survives_a_kill_after_each_of_its_writes() {
    let kills = killed_after_each_write(is_killed_and_fulfilled).await;
    assert!(kills >= 20, "{kills}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compensation_survives_a_kill_after_each_of_its_writes() {
    let kills = killed_after_each_write(is_killed_and_undone).await;
    assert!(kills >= 8, "{kills}");
}
