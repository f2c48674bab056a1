//! What stands beside template.yaml agrees with it.

use std::collections::BTreeSet;

use run::FUNCTIONS;

use domain::fulfilment::{Step, Timeouts};

use crate::support::{project, template};

/// `METHOD /path` of a function, as template.yaml has it.
fn template_routes(binary: &str) -> BTreeSet<String> {
    let template = template();
    let function = template
        .functions
        .iter()
        .find(|function| function.binary == binary)
        .unwrap();
    function
        .routes
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect()
}

#[test]
fn each_functions_route_table_is_that_of_the_template() {
    let owned = |keys: Vec<&'static str>| keys.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let tables = [
        ("order-commands", owned(order_commands::routes().keys().collect())),
        ("order-queries", owned(order_queries::routes().keys().collect())),
        ("customer-queries", owned(customer_queries::routes().keys().collect())),
        ("report-queries", owned(report_queries::routes().keys().collect())),
        ("admin", owned(admin::routes().keys().collect())),
        ("catalogue", owned(catalogue::routes().keys().collect())),
        ("customer-commands", owned(customer_commands::routes().keys().collect())),
        ("docs", owned(docs::routes().keys().collect())),
        (
            "inventory-commands",
            owned(inventory_commands::routes().keys().collect()),
        ),
        ("inventory-queries", owned(inventory_queries::routes().keys().collect())),
    ];
    for (binary, routes) in &tables {
        assert_eq!(*routes, template_routes(binary), "{binary}");
    }
    let with_routes = template()
        .functions
        .iter()
        .filter(|function| !function.routes.is_empty())
        .count();
    assert_eq!(with_routes, tables.len());
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
    let statements: Vec<_> = text
        .split("- Effect:")
        .flat_map(|part| part.split("- { Effect:"))
        .map(|statement| statement.split("\n\n").next().unwrap_or_default())
        .collect();
    let allowing = |action: &str| -> Vec<_> {
        let statements = statements.iter().filter(|statement| statement.contains(action));
        statements.copied().collect()
    };
    for action in ["DeleteItem", "UpdateItem", "BatchWriteItem"] {
        let altering = allowing(action);
        assert!(
            altering.iter().all(|statement| !statement.contains("EventStore")),
            "{altering:?}"
        );
    }
    // Only commands append: no projection and no replay does, so neither can send an integration event again.
    let appending: Vec<_> = allowing("PutItem")
        .into_iter()
        .filter(|statement| statement.contains("EventStore"))
        .collect();
    assert_eq!(
        appending.len(),
        4,
        "of orders, stock, payments and fulfilments: {appending:?}"
    );
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
