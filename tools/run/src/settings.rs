//! What the environment asks of `local-stack`: what it asks of any stack, and what is OrderMaster's.

use std::collections::BTreeMap;

use environment::{ConfigError, Environment, Variable};
use local_stack::Data;
use local_stack::settings::{self, PARAMETERS, Settings};

use crate::mails;

const FULFILMENT: Variable = Variable {
    name: "FULFILMENT",
    default: "",
    meaning: "`on` or `off`, short for the parameter Fulfilment=ENABLED or DISABLED",
};

/// Names that are near to one of ours and mean something else: what the Makefile hands on, and what others call theirs.
const OF_OTHERS: [&str; 3] = ["DYNAMODB_HOST", "FUNCTION", "PORTS"];

/// Every variable that `local-stack` reads. Another one that is near to one of them is an error.
pub fn variables() -> impl Iterator<Item = &'static Variable> {
    settings::VARIABLES.iter().flat_map(|variable| {
        let short = (variable.name == PARAMETERS.name).then_some(&FULFILMENT);
        [variable].into_iter().chain(short)
    })
}

/// What is wrong with a variable, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Variable(#[from] ConfigError),
    #[error(transparent)]
    Stack(#[from] settings::SettingsError),
    #[error("FULFILMENT is `{short}`, but PARAMETERS has Fulfilment={long}: set one of them")]
    Contradiction { short: String, long: String },
}

/// # Errors
/// [`SettingsError`], of the first variable that is misspelt or has a value that means nothing.
pub fn of(env: &Environment) -> Result<Settings, SettingsError> {
    check_names(env)?;
    let mut settings = Settings::of(env)?;
    let options = &mut settings.options;
    let maildir = match &options.data {
        Data::Memory => None,
        Data::Folder(folder) => Some(folder.join("maildir")),
    };
    options.variables = mails::variables(maildir.as_deref());
    set_fulfilment(env, &mut options.parameters)?;
    Ok(settings)
}

fn check_names(env: &Environment) -> Result<(), ConfigError> {
    env.check_names(variables().map(|variable| variable.name), &OF_OTHERS)
}

/// `FULFILMENT` as one of the parameters.
fn set_fulfilment(env: &Environment, parameters: &mut BTreeMap<String, String>) -> Result<(), SettingsError> {
    let short = FULFILMENT.value(env);
    let state = match short {
        "" => return Ok(()),
        "on" => "ENABLED",
        "off" => "DISABLED",
        _ => return Err(FULFILMENT.invalid(env, "`on` or `off`"))?,
    };
    match parameters.insert("Fulfilment".to_owned(), state.to_owned()) {
        Some(long) if long != state => Err(SettingsError::Contradiction {
            short: short.to_owned(),
            long,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use local_stack::Options;
    use local_stack::template::Template;

    use super::*;

    fn settings_of(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        of(&variables.collect())
    }

    fn options(variables: &[(&str, &str)]) -> Options {
        settings_of(variables).unwrap_or_else(|error| panic!("{error}")).options
    }

    #[test]
    fn mails_lie_with_the_data_or_nowhere() {
        for data in [&[][..], &[("DATA", ".local")]] {
            assert_eq!(mails::maildir(&options(data)), Some(".local/maildir"));
        }
        let in_memory = options(&[("DATA", "memory")]);
        assert_eq!(mails::maildir(&in_memory), None);
        assert_eq!(in_memory.variables["MAILER"], "log");
    }

    #[test]
    fn a_step_time_out_and_a_payment_provider_that_are_set_reach_their_functions() {
        let parameters =
            "StepTimeouts=choose_payment:5 PaymentGateway=https://api.stripe.com PaymentGatewayKey=sk_test_1";
        let options = options(&[
            ("PARAMETERS", parameters),
            ("FULFILMENT", "off"),
            ("TEMPLATE", concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")),
        ]);
        let template = Template::read_with(&options.template, &options.parameters).expect("the template");
        let variable = |binary: &str, name: &str| {
            let mut functions = template.functions.iter();
            let function = functions.find(|function| function.binary == binary).expect(binary);
            function.environment[name].clone()
        };
        assert_eq!(variable("fulfilment", "STEP_TIMEOUTS"), "choose_payment:5");
        assert_eq!(variable("fulfilment", "FULFILMENT"), "DISABLED");
        assert_eq!(
            variable("payment-commands", "PAYMENT_GATEWAY"),
            "https://api.stripe.com"
        );
        assert_eq!(variable("payment-commands", "PAYMENT_GATEWAY_KEY"), "sk_test_1");
    }

    #[test]
    fn fulfilment_is_short_for_the_parameter() {
        for (variables, expected) in [
            (&[("FULFILMENT", "on")][..], "ENABLED"),
            (&[("FULFILMENT", "off")], "DISABLED"),
            (&[("PARAMETERS", "Fulfilment=DISABLED")], "DISABLED"),
            (
                &[("FULFILMENT", "off"), ("PARAMETERS", "Fulfilment=DISABLED")],
                "DISABLED",
            ),
        ] {
            assert_eq!(options(variables).parameters["Fulfilment"], expected, "{variables:?}");
        }
    }

    #[test]
    fn what_means_nothing_is_one_sentence_that_names_the_variable_and_what_it_may_be() {
        for (variables, expected) in [
            (
                &[("FULFILMENT", "yes")][..],
                "the environment variable FULFILMENT is `yes`, which is not `on` or `off`",
            ),
            (
                &[("FULFILLMENT", "off")],
                "the environment variable FULFILLMENT is not known: set FULFILMENT, or unset FULFILLMENT if it is meant \
                 for something else",
            ),
            (
                &[("PARAMETER", "A=b")],
                "the environment variable PARAMETER is not known: set PARAMETERS, or unset PARAMETER if it is meant for \
                 something else",
            ),
            (
                &[("FULFILMENT", "on"), ("PARAMETERS", "Fulfilment=DISABLED")],
                "FULFILMENT is `on`, but PARAMETERS has Fulfilment=DISABLED: set one of them",
            ),
        ] {
            assert_eq!(settings_of(variables).expect_err("an error").to_string(), expected);
        }
    }

    /// `make` hands its variables on to what it runs.
    #[test]
    fn the_makefiles_own_variables_are_no_misspelt_ones() {
        let makefile = include_str!("../../../Makefile");
        let is_name = |name: &&str| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
        let named = makefile.split(['$', '(', ')', ',', ' ', '=', '\n', '"', '@', ';']);
        let names: Vec<_> = named.filter(|name| name.len() > 2).filter(is_name).collect();
        assert!(
            names.contains(&"FUNCTION") && names.contains(&"WATCH_PORT"),
            "{names:?}"
        );
        for name in names.into_iter().chain(OF_OTHERS) {
            let environment = Environment::from_iter([(name.to_owned(), "1".to_owned())]);
            assert_eq!(check_names(&environment), Ok(()));
        }
    }

    #[test]
    fn the_help_lists_fulfilment_beside_the_parameters() {
        let names: Vec<_> = variables().map(|variable| variable.name).collect();
        assert_eq!(names.len(), settings::VARIABLES.len() + 1);
        assert!(names.windows(2).any(|pair| pair == ["PARAMETERS", "FULFILMENT"]));
    }
}
