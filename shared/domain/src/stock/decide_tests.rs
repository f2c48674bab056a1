//! given(events).when(command).then(events), for every command and every rule.
