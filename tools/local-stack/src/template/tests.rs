use std::time::Duration;

use super::*;

const TEMPLATE: &str = include_str!("../../../../template.yaml");

fn real() -> Template {
    Template::parse("template.yaml", TEMPLATE).unwrap_or_else(|error| panic!("{error}"))
}

fn function<'a>(template: &'a Template, binary: &str) -> &'a FunctionDefinition {
    template
        .functions
        .iter()
        .find(|function| function.binary == binary)
        .unwrap_or_else(|| panic!("no {binary}"))
}

/// The error for `body` as the only resources, after a parameter without a default and a table.
#[track_caller]
fn error(resources: &str) -> String {
    let text = format!("Parameters: {{ Secret: {{ Type: String }} }}\nResources:\n{resources}");
    Template::parse("t.yaml", &text)
        .expect_err("an unusable template")
        .to_string()
}

/// A function with one more property.
fn with(properties: &str) -> String {
    format!(
        "  T: {{ Type: AWS::DynamoDB::Table, Properties: {{ AttributeDefinitions: [{{ AttributeName: id, AttributeType: S }}], \
         KeySchema: [{{ AttributeName: id, KeyType: HASH }}], StreamSpecification: {{ StreamViewType: NEW_IMAGE }} }} }}\n  \
         F:\n    Type: AWS::Serverless::Function\n    Metadata: {{ BuildProperties: {{ Binary: f }} }}\n    \
         Properties:\n      {properties}\n"
    )
}

fn with_trigger(properties: &str) -> String {
    with(&format!(
        "Events: {{ E: {{ Type: DynamoDB, Properties: {{ Stream: !GetAtt T.StreamArn, StartingPosition: TRIM_HORIZON{properties} }} }} }}"
    ))
}

#[test]
fn the_event_store_has_its_key_index_and_stream() {
    let template = real();
    let store = template
        .tables
        .iter()
        .find(|table| table.name == "EventStore")
        .expect("the event store");
    let keys = |key: &[KeyElement]| {
        key.iter()
            .map(|part| (part.name.clone(), part.role))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&store.key),
        [
            ("AggregateId".to_owned(), KeyRole::Hash),
            ("Version".to_owned(), KeyRole::Range)
        ]
    );
    assert_eq!(store.stream, Some(StreamView::NewImage));
    assert_eq!(store.indexes[0].name, "EventTypeIndex");
    assert_eq!(store.indexes[0].projection.projection_type, ProjectionKind::All);
}

#[test]
fn an_environment_is_the_globals_and_the_functions_own_with_references_resolved() {
    let template = real();
    let environment = &function(&template, "order-queries").environment;
    assert_eq!(environment["LOG_LEVEL"], "info");
    assert_eq!(environment["EVENT_TYPE_SHARDS"], "8");
    assert_eq!(environment["ORDER_SUMMARY_TABLE"], "OrderSummary");
    assert_eq!(
        environment["CURSOR_KEY"],
        "local-development-value-of-CursorKey-which-is-no-secret"
    );
    assert_eq!(
        environment["CURSOR_KEY"],
        function(&template, "customer-queries").environment["CURSOR_KEY"]
    );
}

#[test]
fn routes_and_time_outs_are_those_of_the_template() {
    let template = real();
    let commands = function(&template, "order-commands");
    assert_eq!(commands.timeout, Duration::from_secs(10));
    let remove = Route {
        method: "DELETE".to_owned(),
        path: "/orders/{order_id}/items/{product_id}".to_owned(),
    };
    assert!(commands.routes.contains(&remove));
    assert!(commands.triggers.is_empty());
}

#[test]
fn a_stream_trigger_carries_all_its_rules() {
    let template = real();
    let projection = function(&template, "order-summary-projection");
    assert_eq!(projection.timeout, Duration::from_secs(60));
    let [trigger] = projection.triggers.as_slice() else {
        panic!("one trigger")
    };
    assert_eq!(trigger.table, "EventStore");
    assert_eq!((trigger.batch_size, trigger.filters.len()), (100, 1));
    assert!(trigger.reports_item_failures && trigger.bisects_on_error);
    assert!(trigger.max_retries.is_some());
    assert_eq!(trigger.max_record_age, Some(Duration::from_secs(43_200)));
    let queue = "arn:aws:sqs:us-east-1:000000000000:ProjectionFailures";
    assert_eq!(trigger.failure_destination.as_deref(), Some(queue));
}

#[test]
fn a_table_name_of_the_template_is_the_physical_name_everywhere() {
    let text = format!(
        "Resources:\n{}",
        with_trigger("").replace(
            "Properties: { Attr",
            "Properties: { TableName: !Sub '${AWS::StackName}-t', Attr"
        )
    );
    let template = Template::parse("t.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(template.tables[0].name, "local-t");
    assert_eq!(template.functions[0].triggers[0].table, "local-t");
}

#[test]
fn pseudo_parameters_and_functions_have_the_same_names_in_every_intrinsic() {
    let variables = "R: !Ref AWS::Region, S: !Ref AWS::URLSuffix, A: !Ref AWS::AccountId, P: !Ref AWS::Partition, \
                     N: !Ref AWS::StackName, F: !Ref F, G: !GetAtt F.Arn, \
                     H: !Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${F}', \
                     U: !Sub 'https://dynamodb.${AWS::Region}.${AWS::URLSuffix}/${AWS::StackName}'";
    let text = format!(
        "Resources:\n{}",
        with(&format!("Environment: {{ Variables: {{ {variables} }} }}"))
    );
    let template = Template::parse("t.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
    let environment = &template.functions[0].environment;
    let values: Vec<_> = ["R", "S", "A", "P", "N", "F"]
        .map(|name| environment[name].as_str())
        .into();
    assert_eq!(
        values,
        ["us-east-1", "amazonaws.com", "000000000000", "aws", "local", "f"]
    );
    assert_eq!(environment["G"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_eq!(environment["H"], environment["G"]);
    assert_eq!(environment["U"], "https://dynamodb.us-east-1.amazonaws.com/local");
}

#[test]
fn a_parameter_without_default_matters_only_where_something_local_needs_it() {
    let elsewhere = format!(
        "Parameters: {{ Secret: {{ Type: String }} }}\nResources:\n{}",
        with("Role: !Ref Secret")
    );
    assert!(Template::parse("t.yaml", &elsewhere).is_ok());
    assert_eq!(
        error(&with("Environment: { Variables: { X: !Ref Secret } }")),
        "t.yaml: the property Environment.Variables.X of F: the parameter Secret has no Default; set it in PARAMETERS"
    );
}

/// The template with values of its parameters.
fn with_parameters(parameters: &[(&str, &str)]) -> Result<Template, TemplateError> {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Template::parse_with("template.yaml", TEMPLATE, &parameters.collect())
}

#[test]
fn a_parameter_that_is_not_there_or_may_not_be_so_is_one_sentence_with_what_may_be() {
    let refused = |name, value| with_parameters(&[(name, value)]).expect_err(name).to_string();
    assert_eq!(
        refused("StepTimeout", "ship:5"),
        "template.yaml has no parameter StepTimeout (is StepTimeouts meant?); PARAMETERS may set Architecture, CorsOrigins, Fulfilment, \
         JwtAudience, JwtIssuer, LogLevel, MailFrom, PaymentAttempts, PaymentGateway, PaymentGatewayKey, ReportTimeZone, \
         StepTimeouts"
    );
    assert!(refused("Colour", "red").starts_with("template.yaml has no parameter Colour; PARAMETERS may set "));
    assert_eq!(
        refused("LogLevel", "loud"),
        "the parameter LogLevel of template.yaml cannot be `loud`; it must be one of error, warn, info, debug"
    );

    let text = format!(
        "Parameters:\n  Count: {{ Type: Number, Default: 1 }}\n  Key: {{ Type: String, NoEcho: true, AllowedPattern: '[a-z]+' }}\n\
         \x20 Names: {{ Type: CommaDelimitedList, Default: a }}\nResources:\n{}",
        with("Environment: { Variables: { X: !Ref Count } }")
    );
    let parsed = |name: &str, value: &str| {
        let parameters = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Template::parse_with("t.yaml", &text, &parameters).map_err(|error| error.to_string())
    };
    let template = parsed("Count", "-2.5").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(function(&template, "f").environment["X"], "-2.5");
    for (name, value, expected) in [
        (
            "Count",
            "many",
            "the parameter Count of t.yaml cannot be `many`; it must be a number",
        ),
        (
            "Key",
            "hush1",
            "the parameter Key of t.yaml cannot be `(secret)`; it must be of the pattern [a-z]+",
        ),
        (
            "Names",
            "b",
            "the parameter Names of t.yaml cannot be `b`; it must be the default, as the local stack does not check values \
             of type CommaDelimitedList",
        ),
    ] {
        assert_eq!(parsed(name, value).err().as_deref(), Some(expected));
    }
}

#[test]
fn what_cannot_be_imitated_is_an_error_that_names_its_place() {
    for (resources, expected) in [
        (
            with("Events: { E: { Type: SNS, Properties: {} } }"),
            "Events.E.Type of F: the local stack cannot imitate events of type SNS",
        ),
        (
            with("Environment: { Variables: { X: !Select [0, [b, c]] } }"),
            "Environment.Variables.X of F: the local stack cannot imitate the intrinsic Fn::Select",
        ),
        (
            with("Environment: { Variables: { X: !If [Nothing, b, c] } }"),
            "no resource Nothing",
        ),
        (
            with("Environment: { Variables: { X: !Ref Nothing } }"),
            "no resource Nothing",
        ),
        (
            with("Environment: { Variables: { X: '{{resolve:ssm:y}}' } }"),
            "dynamic reference",
        ),
        (
            with("Events: { E: { Type: HttpApi, Properties: { Method: ANY, Path: /x } } }"),
            "any method",
        ),
        (
            with("Events: { E: { Type: HttpApi, Properties: { Method: GET, Path: '/{x+}' } } }"),
            "the path",
        ),
        (with_trigger(", TumblingWindowInSeconds: 5"), "TumblingWindowInSeconds"),
        (
            with_trigger(", BatchSize: 0"),
            "Properties.BatchSize of F: it must be 1 to 10,000",
        ),
        (with_trigger(", MaximumRecordAgeInSeconds: 59"), "60 to 604,800"),
        (
            with_trigger(", FilterCriteria: { Filters: [{ Pattern: '{\"a\": [{\"cidr\": \"10/8\"}]}' }] }"),
            "cidr",
        ),
        (with("Timeout: 901"), "1 to 900 seconds"),
        (
            "  L: { Type: AWS::Lambda::EventSourceMapping }\n".to_owned(),
            "AWS::Lambda::EventSourceMapping",
        ),
        (
            "  A: { Type: AWS::Serverless::HttpApi, Properties: { CorsConfiguration: true } }\n".to_owned(),
            "CorsConfiguration",
        ),
    ] {
        let error = error(&resources);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_stream_serves_at_most_two_triggers() {
    let event = "Type: DynamoDB, Properties: { Stream: !GetAtt T.StreamArn, StartingPosition: TRIM_HORIZON }";
    let resources = with(&format!(
        "Events: {{ A: {{ {event} }}, B: {{ {event} }}, C: {{ {event} }} }}"
    ));
    assert!(error(&resources).contains("at most the second trigger"));
}

/// A bus, a queue and its dead-letter queue, a rule, and a function with one more event.
fn with_messaging(event: &str) -> String {
    "
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: things } }
  Dead: { Type: AWS::SQS::Queue }
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: q, RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 } }
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: { detail-type: [A, B] }
      Targets: [{ Id: q, Arn: !GetAtt Queue.Arn, DeadLetterConfig: { Arn: !GetAtt Dead.Arn } }]
"
    .to_owned()
        + &with(&format!("Events: {{ {event} }}"))
}

#[test]
fn buses_rules_queues_and_schedules_are_those_of_the_template() {
    let events = "Q: { Type: SQS, Properties: { Queue: !GetAtt Queue.Arn } }, \
                  S: { Type: Schedule, Properties: { Schedule: rate(5 minutes) } }, \
                  T: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 hour), OmitName: true } }, \
                  U: { Type: Schedule, Properties: { Schedule: rate(1 day), State: DISABLED } }";
    let text = format!("Resources:\n{}", with_messaging(events));
    let template = Template::parse("t.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(template.buses, ["things"]);
    let [rule] = template.rules.as_slice() else {
        panic!("one rule")
    };
    assert!(rule.is_enabled);
    assert_eq!(
        (rule.bus.as_str(), rule.targets.as_slice()),
        ("things", &["q".to_owned()][..])
    );
    let queue = template
        .queues
        .iter()
        .find(|queue| queue.name == "q")
        .expect("the queue");
    assert_eq!(queue.visibility_timeout, Duration::from_secs(30));
    let redrive = Redrive {
        queue: "Dead".to_owned(),
        max_receives: 5,
    };
    assert_eq!(queue.redrive, Some(redrive));
    let function = function(&template, "f");
    let trigger = QueueTrigger {
        name: "Q".to_owned(),
        queue: "q".to_owned(),
        batch_size: 10,
        reports_item_failures: false,
        max_concurrency: 5,
    };
    assert_eq!(function.queues, [trigger]);
    let schedule = |name: &str, seconds, by| Schedule {
        name: name.to_owned(),
        every: Duration::from_secs(seconds),
        by,
    };
    let expected = [
        schedule("S", 300, Scheduler::Rule),
        schedule("T", 3_600, Scheduler::EventBridgeScheduler),
    ];
    assert_eq!(function.schedules, expected);
}

#[test]
fn of_buses_rules_queues_and_schedules_too_what_cannot_be_imitated_is_an_error() {
    let queue = |properties: &str| with_messaging(&format!("E: {{ Type: SQS, Properties: {{ {properties} }} }}"));
    let of_queue = |more: &str| queue(&format!("Queue: !GetAtt Queue.Arn, {more}"));
    let valid = of_queue("BatchSize: 1");
    let schedule = |schedule: &str| {
        with_messaging(&format!(
            "E: {{ Type: Schedule, Properties: {{ Schedule: {schedule} }} }}"
        ))
    };
    for (resources, expected) in [
        (
            queue("Queue: !GetAtt T.Arn"),
            "Events.E.Properties.Queue of F: it must be the Arn of a queue",
        ),
        (
            queue("Queue: 'arn:aws:sqs:us-east-1:000000000000:other'"),
            "Events of F: it must be the Arn of a queue",
        ),
        (
            of_queue("BatchSize: 11"),
            "Properties.BatchSize of F: it must be 1 to 10",
        ),
        (
            of_queue("ScalingConfig: { MaximumConcurrency: 1 }"),
            "MaximumConcurrency of F: it must be 2 to 1,000",
        ),
        (
            of_queue("MaximumBatchingWindowInSeconds: 1"),
            "MaximumBatchingWindowInSeconds",
        ),
        (
            valid.replace("QueueName: q", "VisibilityTimeout: 2"),
            "VisibilityTimeout is not below the function's Timeout",
        ),
        (
            valid.replace("QueueName: q", "QueueName: Dead"),
            "Dead is defined twice",
        ),
        (valid.replace("QueueName: q", "FifoQueue: true"), "FifoQueue"),
        (
            valid.replace("maxReceiveCount: 5", "maxReceiveCount: 0"),
            "maxReceiveCount of Queue: it must be 1 to 1,000",
        ),
        (
            valid.replace("!Ref Bus", "default"),
            "EventBusName of Rule: it must be the name of an event bus",
        ),
        (
            valid.replace("[A, B]", "[{ prefix: A }]"),
            "EventPattern of Rule: the local stack knows exact values",
        ),
        (
            valid.replace("Id: q, Arn: !GetAtt Queue.Arn", "Id: q, Arn: !GetAtt F.Arn"),
            "Targets.0.Arn of Rule",
        ),
        (valid.replace("Id: q,", "Id: q, InputPath: $.detail,"), "InputPath"),
        (
            schedule("cron(0 * * * ? *)"),
            "cannot imitate the schedule `cron(0 * * * ? *)`",
        ),
        (schedule("rate(1 minutes)"), "the schedule `rate(1 minutes)`"),
        (schedule("rate(1 minute), Input: x"), "Input"),
    ] {
        let error = error(&resources);
        assert!(error.contains(expected), "{error}");
    }
}
