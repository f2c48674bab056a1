//! What one wants to open or know once the stack is up.

use std::fmt::Write;

use local_stack::template::Template;
use local_stack::{Data, DynamoDb, Options};

use crate::mails::maildir;

/// Where the parts of a stack listen.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints<'a> {
    pub api: &'a str,
    pub dynamodb: &'a str,
    pub events: Option<&'a str>,
}

const FIRST_ORDER: &str = r#"{"customer_id": "c-1", "items": [{"product_id": "p-1", "quantity": 2, "unit_price": "49.99"}], "shipping_address": {"street": "1 Main St", "city": "Springfield", "postal_code": "12345"}}"#;

/// One line for each thing, and a request to begin with.
pub fn banner(options: &Options, template: &Template, endpoints: Endpoints<'_>) -> String {
    let api = endpoints.api;
    let is_remote = options.remote_functions.is_some();
    let mut rows = vec![(
        "API",
        api.to_owned(),
        if is_remote { "run by cargo lambda watch" } else { "" }.to_owned(),
    )];
    if has_route(template, "GET", "/docs") {
        rows.push((
            "Docs",
            format!("{api}/docs"),
            "what the API takes and answers".to_owned(),
        ));
    }
    if !is_remote {
        let what = "what is counted and timed, for Prometheus".to_owned();
        rows.push(("Metrics", format!("{api}/metrics"), what));
    }
    let kept = match (&options.dynamodb, &options.data) {
        (DynamoDb::Endpoint(_), _) => "not ours, but that of DYNAMODB_ENDPOINT".to_owned(),
        (_, Data::Memory) => "in memory, and gone with this process; DATA=folder keeps it".to_owned(),
        (_, Data::Folder(folder)) => format!("kept in {}; DATA=memory keeps nothing", folder.display()),
    };
    rows.push(("DynamoDB", endpoints.dynamodb.to_owned(), kept));
    if let Some(url) = endpoints.events {
        rows.push(("Events", url.to_owned(), "EventBridge's PutEvents".to_owned()));
    }
    if variable(template, "MAIL_FROM").is_some() {
        rows.push(match maildir(options) {
            Some(folder) => ("Mails", folder.to_owned(), "a maildir".to_owned()),
            None => (
                "Mails",
                "in this log".to_owned(),
                "DATA=folder keeps them in its maildir".to_owned(),
            ),
        });
    }
    match variable(template, "FULFILMENT") {
        Some("ENABLED") => rows.push((
            "Fulfilment",
            "on".to_owned(),
            "FULFILMENT=off switches it off".to_owned(),
        )),
        Some(_) => rows.push((
            "Fulfilment",
            "off".to_owned(),
            "FULFILMENT=on switches it on".to_owned(),
        )),
        None => {}
    }
    if let Some(gateway) = variable(template, "PAYMENT_GATEWAY") {
        let other = "PARAMETERS=\"PaymentGateway=URL PaymentGatewayKey=KEY\" asks a provider";
        let what = match gateway {
            "sandbox" => format!("takes no money; {other}"),
            _ => "a payment provider".to_owned(),
        };
        rows.push(("Payments", gateway.to_owned(), what));
    }
    let mut text = columns(&rows);
    if has_route(template, "POST", "/orders") {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "Try this:\n  curl -i {api}/orders -H 'content-type: application/json' -d '{FIRST_ORDER}'"
        );
    }
    text
}

fn columns(rows: &[(&str, String, String)]) -> String {
    let width = |text: &str| text.chars().count();
    let names = rows.iter().map(|(name, ..)| width(name)).max().unwrap_or_default();
    let values = rows.iter().map(|(_, value, _)| width(value)).max().unwrap_or_default();
    let line = |(name, value, what): &(&str, String, String)| {
        let line = format!("{name:<names$}  {value:<values$}  {what}");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn has_route(template: &Template, method: &str, path: &str) -> bool {
    let mut routes = template.functions.iter().flat_map(|function| &function.routes);
    routes.any(|route| route.method == method && route.path == path)
}

/// A variable of whichever function has it.
fn variable<'a>(template: &'a Template, name: &str) -> Option<&'a str> {
    let mut functions = template.functions.iter();
    functions.find_map(|function| function.environment.get(name).map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails;

    const ENDPOINTS: Endpoints<'_> = Endpoints {
        api: "http://127.0.0.1:3000",
        dynamodb: "http://127.0.0.1:8000",
        events: Some("http://127.0.0.1:8001"),
    };

    /// The banner of the real template, with parameters, up to the request.
    fn lines(options: Options, parameters: &[(&str, &str)]) -> Vec<String> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let template = Template::read_with(file.as_ref(), &parameters.collect()).expect("the template");
        let text = banner(&options, &template, ENDPOINTS);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn it_says_what_to_open_where_things_are_and_what_is_switched_on() {
        let options = Options {
            data: Data::Folder(".local".into()),
            variables: mails::variables(Some(".local/maildir".as_ref())),
            ..Options::in_memory("template.yaml")
        };
        let lines = lines(options, &[]);
        assert_eq!(
            lines[..8],
            [
                "API         http://127.0.0.1:3000",
                "Docs        http://127.0.0.1:3000/docs     what the API takes and answers",
                "Metrics     http://127.0.0.1:3000/metrics  what is counted and timed, for Prometheus",
                "DynamoDB    http://127.0.0.1:8000          kept in .local; DATA=memory keeps nothing",
                "Events      http://127.0.0.1:8001          EventBridge's PutEvents",
                "Mails       .local/maildir                 a maildir",
                "Fulfilment  on                             FULFILMENT=off switches it off",
                "Payments    sandbox                        takes no money; PARAMETERS=\"PaymentGateway=URL \
                 PaymentGatewayKey=KEY\" asks a provider",
            ]
        );
        assert_eq!(lines[8], "Try this:");
        assert!(
            lines[9].contains("curl -i http://127.0.0.1:3000/orders"),
            "{}",
            lines[9]
        );
    }

    #[test]
    fn it_says_what_is_kept_nowhere_switched_off_or_elsewhere() {
        let options = Options {
            remote_functions: Some("http://127.0.0.1:3000".to_owned()),
            ..Options::in_memory("template.yaml")
        };
        let parameters = [
            ("Fulfilment", "DISABLED"),
            ("PaymentGateway", "https://api.stripe.com"),
            ("PaymentGatewayKey", "sk_test_1"),
        ];
        let text = lines(options, &parameters).join("\n");
        for expected in [
            "run by cargo lambda watch",
            "in memory, and gone with this process",
            "Mails       in this log",
            "Fulfilment  off",
            "Payments    https://api.stripe.com",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(!text.contains("/metrics") && !text.contains("sk_test_1"), "{text}");
        let elsewhere = Options {
            dynamodb: DynamoDb::Endpoint("http://127.0.0.1:8000".to_owned()),
            ..Options::in_memory("template.yaml")
        };
        assert!(lines(elsewhere, &[])[3].contains("not ours"));
    }
}
