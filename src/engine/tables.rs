//! Tables of a context, each made when the first query reads it: there are many views, and a query reads few of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::datasource::ViewTable;
use datafusion::optimizer::Analyzer;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::future::BoxFuture;

use crate::error::Error;

/// Tables by name.
#[derive(Debug, Default)]
pub struct Tables {
    by_name: RwLock<BTreeMap<String, Table>>,
}

#[derive(Clone)]
enum Table {
    Made(Arc<dyn TableProvider>),
    ToMake(Make),
}

/// Makes a table. It must not hold the context, which holds the tables.
type Make = Arc<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn TableProvider>>> + Send + Sync>;

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Table::Made(_)) { "Made" } else { "ToMake" })
    }
}

impl Table {
    fn is_made_by(&self, make: &Make) -> bool {
        matches!(self, Table::ToMake(later) if Arc::ptr_eq(later, make))
    }
}

impl Tables {
    fn get(&self, name: &str) -> Option<Table> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn insert(&self, name: String, table: Table) {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner).insert(name, table);
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.get(name) {
            None => Ok(None),
            Some(Table::Made(table)) => Ok(Some(table)),
            Some(Table::ToMake(make)) => {
                // Two queries at the same time may both make it; the tables are equal.
                let table = make().await?;
                let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
                // It may have been replaced since.
                if let Some(entry) = by_name.get_mut(name).filter(|entry| entry.is_made_by(&make)) {
                    *entry = Table::Made(Arc::clone(&table));
                }
                Ok(Some(table))
            }
        }
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.table_exist(&name) {
            return exec_err!("The table {name} already exists");
        }
        self.insert(name, Table::Made(table));
        Ok(None)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.by_name.write().unwrap_or_else(PoisonError::into_inner).remove(name) {
            Some(Table::Made(table)) => Ok(Some(table)),
            Some(Table::ToMake(_)) | None => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// Adds a table of `context`, or replaces it. `make` gets the context when the first query reads the table.
///
/// # Errors
/// [`Error::Internal`], which is a bug.
pub fn register_later<F>(
    context: &SessionContext,
    name: &'static str,
    make: impl Fn(SessionContext) -> F + Send + Sync + 'static,
) -> crate::error::Result<()>
where
    F: Future<Output = Result<Arc<dyn TableProvider>>> + Send + 'static,
{
    let schema = context.catalog("datafusion").and_then(|catalog| catalog.schema("public"));
    let tables = schema.as_ref().and_then(|schema| schema.downcast_ref::<Tables>());
    let tables = tables.ok_or_else(|| Error::Internal("the context has other tables".into()))?;
    let state = context.state_weak_ref();
    let later: Make = Arc::new(move || {
        let Some(state) = state.upgrade().map(|state| state.read().clone()) else {
            return Box::pin(async move { internal_err!("the context of {name} is gone") });
        };
        let table = make(SessionContext::new_with_state(state));
        Box::pin(async move { table.await.map_err(|e| e.context(name)) })
    });
    tables.insert(name.to_owned(), Table::ToMake(later));
    Ok(())
}

/// A query's frame as a view.
pub fn view(frame: DataFrame) -> Result<Arc<dyn TableProvider>> {
    let (state, plan) = frame.into_parts();
    // As the engine does for CREATE VIEW: the types of the columns are final.
    let coerced = Analyzer::with_rules(vec![Arc::new(TypeCoercion::new())]);
    let plan = coerced.execute_and_check(plan, state.config_options(), |_, _| {})?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A context with the views `one` and `two`, which reads `one`; and how often they were made.
    fn context() -> (SessionContext, Arc<AtomicUsize>) {
        let (context, made) = (SessionContext::new(), Arc::new(AtomicUsize::new(0)));
        let catalog = context.catalog("datafusion").unwrap();
        catalog.register_schema("public", Arc::new(Tables::default())).unwrap();
        for (name, sql) in [("one", "SELECT 1 AS n"), ("two", "SELECT n + 1 AS n FROM one")] {
            let counted = Arc::clone(&made);
            let make = move |context: SessionContext| {
                counted.fetch_add(1, Ordering::Relaxed);
                async move { view(context.sql(sql).await?) }
            };
            register_later(&context, name, make).unwrap();
        }
        (context, made)
    }

    #[tokio::test]
    async fn a_table_is_made_when_it_is_first_read() {
        let (context, made) = context();
        assert!(context.table_exist("two").unwrap());
        assert_eq!(made.load(Ordering::Relaxed), 0);
        for _ in 0..2 {
            let rows = context.sql("SELECT * FROM two").await.unwrap().collect().await.unwrap();
            assert_eq!(rows[0].num_rows(), 1);
            assert_eq!(made.load(Ordering::Relaxed), 2);
        }
        context.deregister_table("two").unwrap();
        assert!(context.sql("SELECT * FROM two").await.is_err());
    }

    #[tokio::test]
    async fn a_table_that_is_replaced_while_it_is_made_stays_replaced() {
        let (context, _) = context();
        let make = |context: SessionContext| async move {
            context.deregister_table("one")?;
            context.register_table("one", view(context.sql("SELECT 2 AS n").await?)?)?;
            view(context.sql("SELECT 1 AS n").await?)
        };
        register_later(&context, "one", make).unwrap();
        for n in ["SELECT * FROM one WHERE n = 1", "SELECT * FROM one WHERE n = 2"] {
            let rows = context.sql(n).await.unwrap().count().await.unwrap();
            assert_eq!(rows, 1, "{n}");
        }
    }

    #[tokio::test]
    async fn tables_that_were_not_made_do_not_keep_their_context() {
        let (context, _) = context();
        context.sql("SELECT * FROM one").await.unwrap();
        let state = context.state_weak_ref();
        drop(context);
        assert!(state.upgrade().is_none());
    }

    #[tokio::test]
    async fn an_error_names_the_table_that_cannot_be_made() {
        let (context, _) = context();
        register_later(&context, "three", |context| async move { view(context.sql("SELECT m FROM two").await?) })
            .unwrap();
        let error = context.sql("SELECT * FROM three").await.unwrap_err().to_string();
        assert!(error.contains("three"), "{error}");
    }
}
