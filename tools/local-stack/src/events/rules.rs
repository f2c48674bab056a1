//! Entries of PutEvents as events, and the queues that they go to.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::names::{ACCOUNT_ID, REGION, bus_arn};
use crate::template::{Rule, Template};

/// An element of `Entries`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    pub event_bus_name: Option<String>,
    pub source: Option<String>,
    pub detail_type: Option<String>,
    /// JSON text.
    pub detail: Option<String>,
    #[serde(default)]
    pub resources: Vec<String>,
    /// Seconds since 1970.
    pub time: Option<f64>,
}

/// Why an entry is refused, as EventBridge says it.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryError {
    #[error("Parameter {0} is not valid. Reason: {0} is a required argument.")]
    Missing(&'static str),
    #[error("Detail is malformed.")]
    MalformedDetail,
    /// EventBridge accepts such an entry and drops it; here someone would look for it in vain.
    #[error("Parameter EventBusName is not valid. Reason: Event bus {0} does not exist.")]
    NoBus(String),
}

impl EntryError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) | Self::NoBus(_) => "InvalidArgument",
            Self::MalformedDetail => "MalformedDetail",
        }
    }
}

impl Entry {
    /// What counts against the limit of a request.
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>
    pub(super) fn size_bytes(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail].into_iter().flatten();
        let time = if self.time.is_some() { 14 } else { 0 };
        time + texts.chain(&self.resources).map(String::len).sum::<usize>()
    }
}

/// An event with its place.
pub(super) struct Event {
    pub id: String,
    bus: String,
    content: Value,
}

impl Event {
    pub(super) fn new(entry: Entry, template: &Template, now: DateTime<Utc>) -> Result<Self, EntryError> {
        let required = |value: Option<String>, name| {
            let value = value.filter(|value| !value.is_empty());
            value.ok_or(EntryError::Missing(name))
        };
        let source = required(entry.source, "Source")?;
        let detail_type = required(entry.detail_type, "DetailType")?;
        let detail = required(entry.detail, "Detail")?;
        let detail: Value = serde_json::from_str(&detail).map_err(|_| EntryError::MalformedDetail)?;
        if !detail.is_object() {
            return Err(EntryError::MalformedDetail);
        }
        let named = entry.event_bus_name.unwrap_or_else(|| "default".to_owned());
        let is_named = |bus: &&String| **bus == named || bus_arn(bus) == named;
        let Some(bus) = template.buses.iter().find(is_named) else {
            return Err(EntryError::NoBus(named));
        };
        let time = entry
            .time
            .and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0));
        let id = Uuid::new_v4().to_string();
        let content = json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT_ID,
            "time": time.unwrap_or(now).to_rfc3339_opts(SecondsFormat::Secs, true),
            "region": REGION,
            "resources": entry.resources,
            "detail": detail,
        });
        Ok(Self {
            id,
            bus: bus.clone(),
            content,
        })
    }

    /// The queues of all rules that it matches. A queue that two rules name gets it twice.
    pub(super) fn targets<'a>(&self, rules: &'a [Rule]) -> impl Iterator<Item = &'a str> {
        rules
            .iter()
            .filter(|rule| rule.is_enabled && rule.bus == self.bus && rule.pattern.matches(&self.content))
            .flat_map(|rule| rule.targets.iter().map(String::as_str))
    }

    /// What its targets get.
    pub(super) fn body(&self) -> String {
        self.content.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_eventbridges_envelope() {
        let template = Template {
            buses: vec!["things".to_owned()],
            ..Template::default()
        };
        let entry = Entry {
            event_bus_name: Some("things".to_owned()),
            source: Some("tests".to_owned()),
            detail_type: Some("Thing".to_owned()),
            detail: Some(r#"{"id": "a"}"#.to_owned()),
            resources: vec!["arn:x".to_owned()],
            time: Some(1_700_000_000.0),
        };
        assert_eq!(entry.size_bytes(), 14 + 5 + 5 + 11 + 5);
        let event = Event::new(entry, &template, DateTime::default()).unwrap_or_else(|error| panic!("{error}"));
        let body: Value = serde_json::from_str(&event.body()).expect("JSON");
        let expected = json!({
            "version": "0",
            "id": event.id,
            "detail-type": "Thing",
            "source": "tests",
            "account": "000000000000",
            "time": "2023-11-14T22:13:20Z",
            "region": "us-east-1",
            "resources": ["arn:x"],
            "detail": { "id": "a" },
        });
        assert_eq!(body, expected);
    }
}
