//! One event as CloudTrail writes it and as Security Lake stores it, in both source versions, and a Parquet writer.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Cursor;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// A call by a role session, as CloudTrail writes it.
pub const RECORD: &str = r#"{"eventVersion":"1.09","eventTime":"2024-05-07T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject",
"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2","errorCode":"AccessDenied","errorMessage":"no",
"requestID":"R1","eventID":"9b6c31ba-0001-4a5b-8c6d-7e8f90a1b2c3","eventType":"AwsApiCall","apiVersion":"2006-03-01","managementEvent":"false","readOnly":"false",
"recipientAccountId":"111122223333","sharedEventID":"S1","vpcEndpointId":"vpce-1","eventCategory":"Data","sessionCredentialFromConsole":"true",
"userIdentity":{"type":"AssumedRole","principalId":"AROA1:run-7","arn":"arn:aws:sts::111122223333:assumed-role/deploy/run-7",
"accountId":"111122223333","accessKeyId":"ASIA1","invokedBy":"cloudformation.amazonaws.com","sessionContext":{
"sessionIssuer":{"type":"Role","principalId":"AROA1","arn":"arn:aws:iam::111122223333:role/deploy"},
"attributes":{"creationDate":"2024-05-07T09:00:00Z","mfaAuthenticated":"true"},
"webIdFederationData":{"federatedProvider":"arn:aws:iam::111122223333:oidc-provider/ci"}}},
"requestParameters":{"bucketName":"b","x-amz-acl":"private"},"responseElements":{"x":"y"},"additionalEventData":{"SignatureVersion":"SigV4"},
"tlsDetails":{"tlsVersion":"TLSv1.3"},"resources":[{"ARN":"arn:aws:s3:::b/k","type":"AWS::S3::Object"},
{"ARN":"arn:aws:s3:::b","accountId":"111122223333","type":"AWS::S3::Bucket"}]}"#;

/// The same event in OCSF 1.0.0-rc.2.
pub const VERSION_1: &str = r#"{"metadata":{"product":{"version":"1.09","name":"CloudTrail","vendor_name":"AWS","feature":{"name":"Data"}},"uid":"9b6c31ba-0001-4a5b-8c6d-7e8f90a1b2c3","profiles":["cloud"],"version":"1.0.0-rc.2"},"time":1715076000000,"cloud":{"region":"eu-west-1","provider":"AWS"},"api":{"response":{"error":"AccessDenied","message":"no"},"operation":"PutObject","version":"2006-03-01","service":{"name":"s3.amazonaws.com"},"request":{"uid":"R1"}},"actor":{"user":{"type":"AssumedRole","uid":"AROA1:run-7","uuid":"arn:aws:sts::111122223333:assumed-role/deploy/run-7","account_uid":"111122223333","credential_uid":"ASIA1"},"session":{"created_time":1715072400000,"mfa":true,"issuer":"arn:aws:iam::111122223333:role/deploy"},"invoked_by":"cloudformation.amazonaws.com","idp":{"name":"arn:aws:iam::111122223333:oidc-provider/ci"}},"http_request":{"user_agent":"aws-cli/2"},"src_endpoint":{"uid":"vpce-1","ip":"198.51.100.7"},"resources":[{"uid":"arn:aws:s3:::b/k","type":"AWS::S3::Object"},{"uid":"arn:aws:s3:::b","account_uid":"111122223333","type":"AWS::S3::Bucket"}],"class_name":"API Activity","class_uid":3005,"activity_id":3,"severity_id":1,"status":"Failure","unmapped":{"additionalEventData.SignatureVersion":"SigV4","requestParameters.x-amz-acl":"private","requestParameters.bucketName":"b","responseElements.x":"y","readOnly":"false","eventType":"AwsApiCall","sharedEventID":"S1","recipientAccountId":"111122223333","managementEvent":"false","sessionCredentialFromConsole":"true","tlsDetails.tlsVersion":"TLSv1.3","userIdentity.sessionContext.sessionIssuer.type":"Role","userIdentity.sessionContext.sessionIssuer.principalId":"AROA1"}}"#;

/// The same event in OCSF 1.1.0.
pub const VERSION_2: &str = r#"{"metadata":{"product":{"version":"1.09","name":"CloudTrail","vendor_name":"AWS","feature":{"name":"Data"}},"event_code":"AwsApiCall","uid":"9b6c31ba-0001-4a5b-8c6d-7e8f90a1b2c3","profiles":["cloud","datetime"],"version":"1.1.0"},"time":1715076000000,"time_dt":"2024-05-07T12:00:00.000+02:00","cloud":{"region":"eu-west-1","provider":"AWS"},"api":{"response":{"error":"AccessDenied","message":"no","data":"{\"x\":\"y\"}"},"operation":"PutObject","version":"2006-03-01","service":{"name":"s3.amazonaws.com"},"request":{"uid":"R1","data":"{\"bucketName\":\"b\",\"x-amz-acl\":\"private\"}"}},"actor":{"user":{"type":"AssumedRole","uid_alt":"AROA1:run-7","uid":"arn:aws:sts::111122223333:assumed-role/deploy/run-7","account":{"uid":"111122223333"},"credential_uid":"ASIA1"},"session":{"created_time_dt":"2024-05-07T09:00:00Z","is_mfa":true,"issuer":"arn:aws:iam::111122223333:role/deploy"},"invoked_by":"cloudformation.amazonaws.com","idp":{"name":"arn:aws:iam::111122223333:oidc-provider/ci"}},"http_request":{"user_agent":"aws-cli/2"},"src_endpoint":{"uid":"vpce-1","ip":"198.51.100.7"},"resources":[{"uid":"arn:aws:s3:::b/k","type":"AWS::S3::Object"},{"uid":"arn:aws:s3:::b","account":{"uid":"111122223333"},"type":"AWS::S3::Bucket"}],"class_name":"API Activity","class_uid":6003,"activity_id":3,"severity_id":1,"status":"Failure","observables":[{"name":"src_endpoint.ip","type_id":2,"value":"198.51.100.7"}],"unmapped":{"additionalEventData.SignatureVersion":"SigV4","readOnly":"false","sharedEventID":"S1","recipientAccountId":"111122223333","managementEvent":"false","sessionCredentialFromConsole":"true","tlsDetails.tlsVersion":"TLSv1.3","userIdentity.sessionContext.sessionIssuer.type":"Role","userIdentity.sessionContext.sessionIssuer.principalId":"AROA1"}}"#;

/// Rows per row group of [`parquet_of`].
pub const GROUP_ROWS: usize = 300;

/// A Parquet object with one row per line of JSON and nested columns; `unmapped` is a map of text.
pub fn parquet_of(lines: &str, compression: Compression) -> Vec<u8> {
    let (inferred, _) =
        arrow::json::reader::infer_json_schema(Cursor::new(lines), None).expect("one JSON object per line");
    let text = |name| Field::new(name, DataType::Utf8, name == "value");
    let entries = DataType::Struct(vec![text("key"), text("value")].into());
    let map = DataType::Map(Arc::new(Field::new("entries", entries, false)), false);
    let column = |field: &Arc<Field>| match field.name().as_str() {
        "unmapped" => Arc::new(Field::new("unmapped", map.clone(), true)),
        _ => Arc::clone(field),
    };
    let schema = Arc::new(Schema::new(inferred.fields().iter().map(column).collect::<Vec<_>>()));
    let rows = arrow::json::ReaderBuilder::new(Arc::clone(&schema)).build(Cursor::new(lines)).expect("a known schema");
    let settings =
        WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(GROUP_ROWS));
    let mut writer =
        ArrowWriter::try_new(Vec::new(), schema, Some(settings.build())).expect("a schema that Parquet supports");
    for batch in rows {
        writer.write(&batch.expect("rows of the schema")).expect("memory can be written");
    }
    writer.into_inner().expect("memory can be written")
}
