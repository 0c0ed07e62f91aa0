use std::sync::Arc;

use datafusion::prelude::SessionContext;

use super::*;

fn context() -> SessionContext {
    let mut context = SessionContext::new();
    register(&mut context, &Geo::embedded().unwrap()).unwrap();
    context
}

async fn value(context: &SessionContext, expression: &str) -> String {
    let batches = context.sql(&format!("SELECT {expression}")).await.unwrap().collect().await.unwrap();
    let options = arrow::util::display::FormatOptions::new().with_null("NULL");
    let column = batches[0].column(0);
    arrow::util::display::ArrayFormatter::try_new(column, &options).unwrap().value(0).to_string()
}

#[tokio::test]
async fn every_example_in_the_documentation_is_true() {
    let context = context();
    for function in scalar_functions(&Geo::embedded().unwrap()) {
        assert!(!function.examples.is_empty(), "{} has no example", function.name);
        for (expression, expected) in function.examples {
            assert_eq!(value(&context, expression).await, *expected, "{expression}");
        }
    }
}

#[tokio::test]
async fn every_string_type_of_the_engine_is_taken() {
    let context = context();
    for string in ["Utf8", "LargeUtf8", "Utf8View", "Dictionary(Int32, Utf8)"] {
        for (call, expected) in [
            ("ip_country(x)", "US"),
            ("is_service_caller(x)", "false"),
            ("ip_in_cidr(x, x)", "true"),
            ("error_family(x, x)", "other"),
            ("api_name(x)", "8.8.8.8"),
        ] {
            let expression = format!("{call} FROM (SELECT arrow_cast('8.8.8.8', '{string}') AS x)");
            assert_eq!(value(&context, &expression).await, expected, "{call} of {string}");
        }
        let first =
            format!("first_seen(x, t, 0) OVER (ORDER BY t) FROM (SELECT arrow_cast('a', '{string}') AS x, now() AS t)");
        assert_eq!(value(&context, &first).await, "true", "{string}");
    }
}

#[tokio::test]
async fn a_wrong_number_of_arguments_names_the_right_ones() {
    let error = context().sql("SELECT ip_in_cidr('10.0.0.1')").await.unwrap_err().to_string();
    assert!(error.contains("ip_in_cidr takes 2 arguments: ip_in_cidr(address, network)"), "{error}");
}

#[tokio::test]
async fn mad_works_as_aggregate_and_over_a_sliding_frame() {
    let context = context();
    let series = "(VALUES (1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (6, 6), (7, 9)) AS s(t, x)";
    assert_eq!(value(&context, &format!("mad(x) FROM {series}")).await, "1.0");
    let sliding = format!(
        "m FROM (SELECT t, mad(x) OVER (ORDER BY t ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS m FROM {series}) WHERE t = 7"
    );
    assert_eq!(value(&context, &sliding).await, "2.0");
}

#[tokio::test]
async fn geo_change_measures_the_way_from_the_last_placed_call() {
    let context = context();
    // A call from Germany, one through a service, and 30 minutes later one from the United States.
    let calls = "(VALUES (0, '185.220.101.1'), (10, 'cloudformation.amazonaws.com'), (30, '8.8.8.8')) AS c(minute, ip)";
    let moved = format!(
        "g['previous_country'] || g['country'] || CAST(g['speed_kmh'] > 5000 AS VARCHAR) FROM (SELECT minute, \
         geo_change(ip, to_timestamp_micros(minute * 60000000)) OVER (ORDER BY minute) AS g FROM {calls}) WHERE minute = 30"
    );
    assert_eq!(value(&context, &moved).await, "DEUStrue");
}

#[test]
fn functions_are_documented_and_named_once() {
    let geo: Arc<Geo> = Geo::embedded().unwrap();
    let mut names: Vec<_> = scalar_functions(&geo).iter().map(|f| f.name).collect();
    names.extend(window_functions(&geo).iter().map(|f| f.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(scalar_functions(&geo).iter().all(|f| f.doc.len() > 20));
}
