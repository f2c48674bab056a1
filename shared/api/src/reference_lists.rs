//! Lists of reference data: of products, of customers.

use lambda_edge::http::{Call, Problem, Reply};
use reference_data::{Reference, Table, Versioned};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::Cursors;
use crate::paging::Paged;
use crate::problems::read_problem;

/// A page of the list `name`, of all that `table` has or of what is not retired, each as a `View`. A page without the retired
/// ones reads them too, and so may be short or empty: it costs the same.
///
/// # Errors
/// 400 when a parameter or the cursor cannot be used, and what DynamoDB said.
pub async fn page<R, View>(
    table: &Table<R>,
    cursors: &Cursors,
    name: &'static str,
    call: &Call,
) -> Result<Reply, Problem>
where
    R: Reference<Id: Serialize + DeserializeOwned>,
    View: From<Versioned<R>> + Serialize,
{
    let Paged { filter, page } = Paged::of(call, |query| {
        query.optional("retired", |retired| retired.one_of(&[("false", ())]))
    })?;
    let shows_retired = filter.is_none();
    let list = page.list(cursors, name, &shows_retired)?;
    let after: Option<R::Id> = list.place()?;
    let found = table.page(page.size(), after.as_ref()).await.map_err(read_problem)?;
    let shown = found.data.into_iter().filter(|one| shows_retired || !one.retired);
    let entries = shown.map(|one| (one.value.id().clone(), View::from(one)));
    Reply::ok(&list.page(entries, found.next)?)
}
