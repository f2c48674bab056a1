//! Processes that are killed after any of their writes. Whatever was under way is gone with them; queues and streams deliver
//! it again.

use std::time::Duration;

use futures::StreamExt;
use local_stack::dynamodb::Embedded;
use local_stack::template::Template;
use local_stack::{DynamoDb, Options};

use super::body;
use crate::support::api::options;
use crate::support::{Api, FaultProxy, project};

/// As short as a function's time can be: that is how long a process that hangs takes to die.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// A stack whose functions reach DynamoDB through a proxy. Read models are shown to survive elsewhere, and left out.
struct World {
    api: Api,
    proxy: FaultProxy,
    _embedded: Embedded,
}

impl World {
    async fn new() -> Self {
        let embedded = Embedded::memory().await.unwrap();
        let proxy = FaultProxy::start(embedded.endpoint()).await;
        let options = Options {
            dynamodb: DynamoDb::Endpoint(embedded.endpoint().to_owned()),
            function_dynamodb_endpoint: Some(proxy.endpoint.clone()),
            ..options(true)
        };
        let mut template = Template::read_with(&project().join("template.yaml"), &options.parameters).unwrap();
        for function in &mut template.functions {
            function.timeout = TIME_LIMIT;
            if function.binary != "event-relay" {
                function.triggers.clear();
            }
        }
        Self {
            api: Api::start_from(template, options).await,
            proxy,
            _embedded: embedded,
        }
    }

    /// Lets everything that hangs die, and whatever takes its place live.
    async fn bury(&self) {
        while self.proxy.is_hanging() {
            tokio::time::sleep(TIME_LIMIT).await;
            self.proxy.pass();
        }
    }
}

/// An order that is fulfilled, killed after so many writes; false when it had fewer.
async fn is_killed_and_fulfilled(survived: u32) -> bool {
    let world = World::new().await;
    let api = &world.api;
    api.stock_up("A-1", 10).await;
    api.stock_up("B-2", 10).await;
    world.proxy.hang_after_writes(survived + 2);
    let order_id = api.submit(body(&[("A-1", 3), ("B-2", 4)]), "pm_visa").await;
    let mut is_killed = false;
    loop {
        is_killed |= world.proxy.is_hanging();
        world.bury().await;
        let answer = api.get(&format!("/orders/{order_id}/fulfilment")).await;
        if answer.body["status"] == "awaiting_shipment" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    api.stack.caught_up().await.unwrap();
    is_killed |= world.proxy.is_hanging();
    world.bury().await;
    assert_eq!(
        (api.stock("A-1").await, api.stock("B-2").await),
        ((10, 3), (10, 4)),
        "killed after {survived}"
    );
    let balance = payment_gateway::Sandbox::shared().balance(&order_id);
    assert_eq!(
        (balance.captured - balance.refunded).to_string(),
        "70.00",
        "killed after {survived}"
    );
    is_killed
}

/// The same of one that is cancelled after its payment.
async fn is_killed_and_undone(survived: u32) -> bool {
    let world = World::new().await;
    let api = &world.api;
    api.stock_up("A-1", 10).await;
    let order_id = api.submit(body(&[("A-1", 3)]), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.stack.caught_up().await.unwrap();
    world.proxy.hang_after_writes(survived + 1);
    api.cancel(&order_id).await;
    let mut is_killed = false;
    loop {
        is_killed |= world.proxy.is_hanging();
        world.bury().await;
        let answer = api.get(&format!("/orders/{order_id}/fulfilment")).await;
        if answer.body["status"] == "cancelled" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    api.stack.caught_up().await.unwrap();
    assert_eq!(api.stock("A-1").await, (10, 0), "killed after {survived}");
    let balance = payment_gateway::Sandbox::shared().balance(&order_id);
    assert!(
        balance.held.is_zero() && balance.captured == balance.refunded,
        "killed after {survived}: {balance:?}"
    );
    is_killed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fulfilment_survives_a_kill_after_each_of_its_writes() {
    let killed: Vec<bool> = futures::stream::iter(0..30)
        .map(is_killed_and_fulfilled)
        .buffered(6)
        .collect()
        .await;
    let kills = killed.iter().filter(|is_killed| **is_killed).count();
    assert!(kills >= 20, "{killed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compensation_survives_a_kill_after_each_of_its_writes() {
    let killed: Vec<bool> = futures::stream::iter(0..10)
        .map(is_killed_and_undone)
        .buffered(5)
        .collect()
        .await;
    let kills = killed.iter().filter(|is_killed| **is_killed).count();
    assert!(kills >= 6, "{killed:?}");
}
