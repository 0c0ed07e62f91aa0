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
            ("user_agent_family(x)", "8.8.8.8"),
            ("operating_system(x)", "NULL"),
            ("entropy(x)", "0.0"),
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

#[tokio::test]
async fn what_was_normal_before_a_row_is_asked_in_sql() {
    let context = context();
    // 2 in the first hour, 4 in the third; the fifth is compared with 2, 0, 4, 0.
    let hours = "(VALUES (0, 2), (2, 4), (4, 9)) AS h(hour, x)";
    let filled = format!(
        "CAST(b['n'] AS VARCHAR) || ' ' || b['mean'] || ' ' || b['median'] || ' ' || b['mad'] FROM (SELECT hour, \
         filled_baseline(x, hour, 24) OVER (ORDER BY hour) AS b FROM {hours}) WHERE hour = 4"
    );
    assert_eq!(value(&context, &filled).await, "4 1.5 1.0 1.0");
    // 2 two half-lives ago and 4 one: (2 / 4 + 4 / 2) / (1 / 4 + 1 / 2).
    let decayed = format!(
        "CAST(d['weight'] AS VARCHAR) || ' ' || round(d['mean'], 4) FROM (SELECT hour, decayed_mean(x, \
         to_timestamp(hour * 3600), 1.0 / 12) OVER (ORDER BY hour) AS d FROM {hours}) WHERE hour = 4"
    );
    assert_eq!(value(&context, &decayed).await, "0.75 3.3333");
}

#[tokio::test]
async fn an_identity_is_compared_to_its_peers() {
    let context = context();
    let score = "z FROM (SELECT who, robust_z_score(x, median(x) OVER peers, mad(x) OVER peers, 1) AS z \
                 FROM (VALUES ('a', 'ops', 4), ('b', 'ops', 5), ('c', 'ops', 6), ('d', 'ops', 35), ('e', 'dev', 99)) \
                 AS s(who, team, x) WINDOW peers AS (PARTITION BY team)) WHERE who = 'd'";
    // Median 5.5, deviations 1.5, 0.5, 0.5, 29.5.
    assert_eq!(value(&context, &format!("round({}", score.replacen("z FROM", "z, 3) FROM", 1))).await, "19.897");
}

#[tokio::test]
async fn entropy_is_an_aggregate_of_any_column_and_slides() {
    let context = context();
    let series = "(VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, 'c'), (5, NULL)) AS s(t, x)";
    assert_eq!(value(&context, &format!("entropy(x) FROM {series}")).await, "1.5");
    assert_eq!(value(&context, &format!("entropy(t) FROM {series} WHERE t <= 4")).await, "2.0");
    assert_eq!(value(&context, &format!("entropy(x) FROM {series} WHERE x IS NULL")).await, "NULL");
    let sliding = format!(
        "e FROM (SELECT t, entropy(x) OVER (ORDER BY t ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS e FROM {series}) \
         WHERE t = 5"
    );
    assert_eq!(value(&context, &sliding).await, "1.0");
}

#[test]
fn functions_are_documented_and_named_once() {
    let geo: Arc<Geo> = Geo::embedded().unwrap();
    let mut names: Vec<_> = scalar_functions(&geo).iter().map(|f| f.name).collect();
    names.extend(window_functions(&geo).iter().map(|f| f.name));
    let aggregates = aggregate_functions();
    names.extend(aggregates.iter().map(|f| f.udaf.name()));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(scalar_functions(&geo).iter().all(|f| f.doc.len() > 20));
    assert!(aggregates.iter().all(|f| f.call.starts_with(&format!("{}(", f.udaf.name())) && f.doc.len() > 20));
}
