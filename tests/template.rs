//! What stands beside template.yaml agrees with it.

use std::collections::BTreeSet;

use domain::fulfilment::{Step, Timeouts};
use local_stack::dynamodb::local_config;
use run::FUNCTIONS;

use crate::support::roles::{resources, statements};
use crate::support::{environment, project, template};

#[tokio::test]
async fn each_functions_route_table_is_that_of_the_template() {
    let template = template();
    let config = local_config("http://127.0.0.1:1").await;
    let mut with_routes = 0;
    for (binary, constructor) in FUNCTIONS {
        let built = constructor(&environment(&template, binary, &[]), &config).unwrap();
        let built: BTreeSet<_> = built.routes().iter().map(|route| (*route).to_owned()).collect();
        let function = template.functions.iter().find(|function| function.binary == *binary);
        let routes = function.unwrap().routes.iter();
        let expected: BTreeSet<_> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(built, expected, "{binary}");
        with_routes += usize::from(!built.is_empty());
    }
    let expected = template.functions.iter().filter(|function| !function.routes.is_empty());
    assert_eq!(with_routes, expected.count());
}

#[test]
fn the_router_of_cargo_lambda_watch_has_the_templates_routes() {
    let manifest: toml::Table = std::fs::read_to_string(project().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"]
        .as_table()
        .unwrap();
    let mut routes = BTreeSet::new();
    for (path, targets) in router {
        let targets = match targets {
            toml::Value::Array(targets) => targets.clone(),
            target => vec![target.clone()],
        };
        for target in targets {
            let text = |name: &str| target[name].as_str().unwrap().to_owned();
            routes.insert(format!("{} {path} {}", text("method"), text("function")));
        }
    }
    let expected: BTreeSet<_> = template()
        .functions
        .iter()
        .flat_map(|function| {
            let routes = function.routes.iter();
            routes.map(|route| format!("{} {} {}", route.method, route.path, function.binary))
        })
        .collect();
    assert_eq!(routes, expected);
}

#[test]
fn the_local_stack_contains_the_templates_functions() {
    let template: BTreeSet<_> = template()
        .functions
        .into_iter()
        .map(|function| function.binary)
        .collect();
    let built: BTreeSet<_> = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(built, template);
}

/// DESIGN section 3: no writer may update or delete an event.
#[test]
fn no_function_has_the_right_to_alter_or_delete_an_event() {
    let text = std::fs::read_to_string(project().join("template.yaml")).unwrap();
    for action in ["PartiQL", "dynamodb:*", "CrudPolicy", "WritePolicy"] {
        assert!(!text.contains(action), "template.yaml allows {action}");
    }
    let resources = resources();
    let functions = template().functions;
    let roles = resources.as_object().unwrap().iter();
    let roles = roles.filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role");
    assert_eq!(
        roles.count(),
        functions.len(),
        "each function has a role, and nobody else"
    );
    let may = |action: &str| -> BTreeSet<String> {
        let allowed = functions.iter().filter(|function| {
            let mut rights = statements(&resources, &function.logical_id).into_iter().flatten();
            rights.any(|right| right.action == action && right.resource.starts_with("EventStore"))
        });
        allowed.map(|function| function.binary.clone()).collect()
    };
    for action in ["DeleteItem", "UpdateItem", "BatchWriteItem"] {
        assert_eq!(may(action), BTreeSet::new(), "{action}");
    }
    // Only commands append: no projection and no replay does, so neither can send an integration event again.
    let commands = ["fulfilment", "inventory-commands", "order-commands", "payment-commands"];
    assert_eq!(may("PutItem"), commands.map(str::to_owned).into());
}

/// A message that was not handled comes again only after the visibility timeout of its queue. Once, or twice, must not be too
/// late for the process that waits for the answer.
#[test]
fn every_step_is_waited_for_long_enough_for_its_message_to_come_three_times() {
    let template = template();
    let process = template
        .functions
        .iter()
        .find(|function| function.binary == "fulfilment");
    let timeouts: Timeouts = process.unwrap().environment["STEP_TIMEOUTS"].parse().unwrap();
    let (longest, queue) = template
        .queues
        .iter()
        .map(|queue| (queue.visibility_timeout, &queue.name))
        .max()
        .unwrap();
    for step in [
        Step::ReserveStock,
        Step::TakePayment,
        Step::ConfirmOrder,
        Step::RecordPayment,
        Step::HoldStock,
        Step::CommitStock,
        Step::CancelOrder,
        Step::ReleaseStock,
        Step::ReturnPayment,
    ] {
        let timeout = timeouts.of(step).to_std().unwrap();
        assert!(
            timeout >= longest * 3,
            "{step:?} is waited for {timeout:?}, and {queue} hides messages {longest:?}"
        );
    }
}
