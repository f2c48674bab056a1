//! Lists, page by page: what is asked for, and the cursor of what follows.

use std::str::FromStr;

use lambda_edge::http::{Call, Field, Fields, Problem, whole_number};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::Cursors;

/// The query parameters of a list: its filters, and which page of it.
#[derive(Debug)]
pub struct Paged<Filter> {
    pub filter: Filter,
    pub page: PageParameters,
}

/// The two query parameters that every list takes.
#[derive(Debug)]
pub struct PageParameters {
    page_size: PageSize,
    cursor: Option<String>,
}

/// How many entries a page has: 1 to 100, by default 20.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PageSize(usize);

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Brings the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// A list that cursors are of.
pub struct List<'a> {
    cursors: &'a Cursors,
    cursor: Option<String>,
    /// The list and its filters.
    query: String,
}

impl Default for PageSize {
    fn default() -> Self {
        Self(20)
    }
}

impl FromStr for PageSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match whole_number(text) {
            Some(size @ 1..=100) => Ok(Self(size as usize)),
            _ => Err("must be a whole number from 1 to 100"),
        }
    }
}

impl<Filter> Paged<Filter> {
    /// The parameters of a list, whose filters `filter` reads.
    ///
    /// # Errors
    /// 400 `malformed_parameter` naming all that are unknown, given twice or not usable.
    pub fn of(call: &Call, filter: impl FnOnce(&mut Fields) -> Option<Filter>) -> Result<Self, Problem> {
        call.query(|query| {
            let page_size = query.optional("page_size", Field::text);
            let cursor = query.optional("cursor", Field::text);
            let filter = filter(query);
            let page = PageParameters {
                page_size: page_size?.unwrap_or_default(),
                cursor: cursor?,
            };
            Some(Self { filter: filter?, page })
        })
    }
}

impl PageParameters {
    /// The greatest number of entries on the page.
    pub fn size(&self) -> usize {
        self.page_size.0
    }

    /// The list that the page is of. A cursor opens no list of another `name` or other filters.
    ///
    /// # Errors
    /// [`Problem::internal`] when the filters do not serialize.
    pub fn list<'a>(
        &self,
        cursors: &'a Cursors,
        name: &'static str,
        filters: &impl Serialize,
    ) -> Result<List<'a>, Problem> {
        let filters = serde_json::to_string(filters).map_err(Problem::internal)?;
        Ok(List {
            cursors,
            cursor: self.cursor.clone(),
            query: format!("{name} {filters}"),
        })
    }
}

impl List<'_> {
    /// Where the page begins: the place that the page before was given as its next one. `None` on the first page.
    ///
    /// # Errors
    /// 400 `invalid_cursor` when it was altered, or belongs to another list.
    pub fn place<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let cursor = self.cursor.as_deref();
        cursor.map(|cursor| self.cursors.open(&self.query, cursor)).transpose()
    }

    /// The cursor of the next page, if there is one.
    ///
    /// # Errors
    /// [`Problem::internal`] when the place does not serialize.
    pub fn cursor(&self, next: Option<&impl Serialize>) -> Result<Option<String>, Problem> {
        next.map(|next| self.cursors.seal(&self.query, next)).transpose()
    }

    /// The page of `data`. `next`: the place of the page after it.
    ///
    /// # Errors
    /// As [`List::cursor`].
    pub fn page<T>(
        &self,
        data: impl IntoIterator<Item = T>,
        next: Option<&impl Serialize>,
    ) -> Result<Page<T>, Problem> {
        Ok(Page {
            data: data.into_iter().collect(),
            next_cursor: self.cursor(next)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors() -> Cursors {
        Cursors::new("a secret of thirty-two characters").unwrap()
    }

    fn place(
        cursor: Option<String>,
        name: &'static str,
        filters: &impl Serialize,
    ) -> Result<Option<u32>, &'static str> {
        let page_size = PageSize::default();
        let cursors = cursors();
        let list = PageParameters { page_size, cursor }
            .list(&cursors, name, filters)
            .unwrap();
        list.place().map_err(|problem| problem.code)
    }

    #[test]
    fn a_cursor_opens_its_list_with_its_filters_and_no_other() {
        let cursors = cursors();
        let first = PageParameters {
            page_size: PageSize::default(),
            cursor: None,
        };
        let list = first.list(&cursors, "orders", &("VINET", 1)).unwrap();
        assert_eq!(list.place::<u32>().unwrap(), None);
        assert_eq!(list.page(["an order"], None::<&u32>).unwrap().next_cursor, None);
        let cursor = list.page(["an order"], Some(&7)).unwrap().next_cursor;

        assert_eq!(place(cursor.clone(), "orders", &("VINET", 1)), Ok(Some(7)));
        for other in [("VINET", 2), ("HANAR", 1)] {
            assert_eq!(place(cursor.clone(), "orders", &other), Err("invalid_cursor"));
        }
        assert_eq!(place(cursor, "stocks", &("VINET", 1)), Err("invalid_cursor"));
    }

    #[test]
    fn a_cursor_that_an_older_version_gave_out_is_refused_like_a_foreign_one() {
        for name in ["orders", "orders of None in status None from None to None"] {
            let older = cursors().seal(name, &7).unwrap();
            assert_eq!(place(Some(older), "orders", &()), Err("invalid_cursor"));
        }
    }
}
