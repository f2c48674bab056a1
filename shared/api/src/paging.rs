//! Lists, page by page: what is asked for, and the cursor of what follows.

use std::str::FromStr;

use lambda_edge::http::{Call, Field, Fields, Problem, whole_number};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

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
    page_size: Option<PageSize>,
    cursor: Option<String>,
}

/// How many entries a page has: 1 to 100, by default 20.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PageSize(usize);

/// How many bytes the entries of a page have at most, unless it has only one entry. Lambda answers at most 6 MB, in which
/// the body is a string: each quote and backslash in it takes one byte more, and is counted so. What stands beside the entries
/// has room enough.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_PAGE_BYTES: usize = 4_000_000;

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    pub data: Vec<Box<RawValue>>,
    /// Brings the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// A list that cursors are of.
pub struct List<'a> {
    cursors: &'a Cursors,
    cursor: Option<String>,
    page_size: Option<PageSize>,
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
                page_size: page_size?,
                cursor: cursor?,
            };
            Some(Self { filter: filter?, page })
        })
    }
}

impl PageParameters {
    /// The greatest number of entries on the page.
    pub fn size(&self) -> usize {
        self.page_size.unwrap_or_default().0
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
            page_size: self.page_size,
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

    /// The page of `entries`, each with the place of the page that begins after it. `next`: the place of the page after all
    /// of them, if there is one. The page ends with fewer entries when they are longer than [`MAX_PAGE_BYTES`].
    ///
    /// # Errors
    /// [`Problem::internal`] when an entry or its place does not serialize.
    pub fn page<K: Serialize, T: Serialize>(
        &self,
        entries: impl IntoIterator<Item = (K, T)>,
        next: Option<K>,
    ) -> Result<Page, Problem> {
        let mut data: Vec<Box<RawValue>> = Vec::new();
        let (mut bytes, mut last) = (0, None);
        for (place, entry) in entries {
            let entry = serde_json::value::to_raw_value(&entry).map_err(Problem::internal)?;
            bytes += bytes_in_answer(entry.get());
            if bytes > MAX_PAGE_BYTES && last.is_some() {
                let next_cursor = self.cursor(last.as_ref())?;
                return Ok(Page { data, next_cursor });
            }
            data.push(entry);
            last = Some(place);
        }
        let next_cursor = self.cursor(next.as_ref())?;
        Ok(Page { data, next_cursor })
    }

    /// The page of a list whose entries are all at hand, in the order of their places. Unless its size was asked for, it ends
    /// only when it is longer than [`MAX_PAGE_BYTES`].
    ///
    /// # Errors
    /// As [`List::place`] and [`List::page`].
    pub fn page_of_all<K, T>(&self, entries: impl IntoIterator<Item = (K, T)>) -> Result<Page, Problem>
    where
        K: Serialize + DeserializeOwned + PartialOrd + Copy,
        T: Serialize,
    {
        let after: Option<K> = self.place()?;
        let is_after = |(place, _): &(K, T)| after.is_none_or(|after| *place > after);
        let mut rest = entries.into_iter().filter(is_after);
        let size = self.page_size.map_or(usize::MAX, |size| size.0);
        let entries: Vec<_> = rest.by_ref().take(size).collect();
        let last = entries.last().map(|(place, _)| *place);
        self.page(entries, last.filter(|_| rest.next().is_some()))
    }
}

/// How many bytes a text in JSON has inside a string.
fn bytes_in_answer(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
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
        let cursors = cursors();
        let page_size = None;
        let list = PageParameters { page_size, cursor }
            .list(&cursors, name, filters)
            .unwrap();
        list.place().map_err(|problem| problem.code)
    }

    #[test]
    fn a_cursor_opens_its_list_with_its_filters_and_no_other() {
        let cursors = cursors();
        let first = PageParameters {
            page_size: None,
            cursor: None,
        };
        let list = first.list(&cursors, "orders", &("VINET", 1)).unwrap();
        assert_eq!(list.place::<u32>().unwrap(), None);
        assert_eq!(list.page([(7, "an order")], None).unwrap().next_cursor, None);
        let cursor = list.page([(7, "an order")], Some(7)).unwrap().next_cursor;

        assert_eq!(place(cursor.clone(), "orders", &("VINET", 1)), Ok(Some(7)));
        for other in [("VINET", 2), ("HANAR", 1)] {
            assert_eq!(place(cursor.clone(), "orders", &other), Err("invalid_cursor"));
        }
        assert_eq!(place(cursor, "stocks", &("VINET", 1)), Err("invalid_cursor"));
    }

    /// The sizes of all pages, each with its bytes as a string in JSON.
    fn pages(entries: &[String], page_size: Option<PageSize>) -> Vec<(usize, usize)> {
        let cursors = cursors();
        let (mut cursor, mut pages, mut shown) = (None, Vec::new(), Vec::new());
        loop {
            let list = PageParameters { page_size, cursor }
                .list(&cursors, "texts", &())
                .unwrap();
            let page = list.page_of_all(entries.iter().enumerate()).unwrap();
            shown.extend(
                page.data
                    .iter()
                    .map(|text| serde_json::from_str::<String>(text.get()).unwrap()),
            );
            let body = serde_json::to_string(&page).unwrap();
            pages.push((page.data.len(), serde_json::to_string(&body).unwrap().len()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                assert_eq!(shown, entries);
                return pages;
            }
        }
    }

    #[test]
    fn a_page_ends_by_bytes_and_no_entry_is_lost_or_shown_twice() {
        let sizes = |entries: &[String], page_size| -> Vec<usize> {
            pages(entries, page_size).into_iter().map(|(size, _)| size).collect()
        };
        // What counts is the length in Lambda's answer: 400,006 bytes each, and twice as many of quotes.
        assert_eq!(sizes(&vec!["x".repeat(400_000); 25], None), [9, 9, 7]);
        assert_eq!(sizes(&vec!["\"".repeat(100_000); 25], None), [9, 9, 7]);
        assert_eq!(sizes(&vec!["x".repeat(400_000); 10], Some(PageSize(9))), [9, 1]);
        assert_eq!(sizes(&vec!["x".repeat(10); 10], Some(PageSize(5))), [5, 5]);
        // What is too long alone is shown alone.
        assert_eq!(sizes(&vec!["x".repeat(MAX_PAGE_BYTES); 3], None), [1, 1, 1]);
        assert_eq!(sizes(&[], None), [0]);
        for (_, bytes) in pages(&vec!["\\\"\n ü".repeat(1_000); 800], None) {
            assert!(bytes < 4_200_000, "{bytes}");
        }
    }

    #[test]
    fn a_cursor_that_an_older_version_gave_out_is_refused_like_a_foreign_one() {
        for name in ["orders", "orders of None in status None from None to None"] {
            let older = cursors().seal(name, &7).unwrap();
            assert_eq!(place(Some(older), "orders", &()), Err("invalid_cursor"));
        }
    }
}
