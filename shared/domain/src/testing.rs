//! `given(events).when(command).then(events)`, for every aggregate alike.

use std::fmt;

use crate::Aggregate;

/// An aggregate with some history, in a context.
pub struct Given<A: Aggregate> {
    history: Vec<A::Event>,
    context: A::Context,
}

impl<A: Aggregate> Given<A> {
    pub fn new(history: impl IntoIterator<Item = A::Event>, context: A::Context) -> Self {
        let history = history.into_iter().collect();
        Self { history, context }
    }

    /// The same history in another context.
    pub fn within(self, context: A::Context) -> Self {
        Self { context, ..self }
    }

    pub fn state(&self) -> Option<A> {
        A::fold(None, &self.history)
    }

    pub fn when(&self, command: A::Command) -> Outcome<A> {
        Outcome(A::decide(self.state().as_ref(), command, &self.context))
    }

    /// The same with what `command` leads to.
    ///
    /// # Panics
    /// When the rules do not allow it.
    #[track_caller]
    pub fn and(mut self, command: A::Command) -> Self {
        let events = self.when(command).0;
        self.history
            .extend(events.unwrap_or_else(|refusal| panic!("{refusal}")));
        self
    }
}

/// What a command leads to.
pub struct Outcome<A: Aggregate>(pub Result<Vec<A::Event>, A::Refusal>);

impl<A: Aggregate<Refusal: PartialEq + fmt::Debug>> Outcome<A> {
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = A::Event>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub fn then_refused(self, refusal: A::Refusal) {
        assert_eq!(self.0, Err(refusal));
    }
}
