//! The AWS API calls of the sample: one row per call, with the parameters that its records contain.
//!
//! Request, response, resources and additional data of a row are templates (see `template`). A call without a row gets
//! records without parameters, like most `Describe*` and `List*` calls. Output: a `Catalogue` that numbers the calls.
//! Never random.

use std::collections::HashMap;

use crate::sample::cloudtrail::template::{Piece, parse};

/// A call's number in the catalogue.
pub(crate) type CallId = u16;

/// The kind of record that a call produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// Management events.
    Management,
    /// Data events: calls on objects, items and functions.
    Data,
    /// Sign-in events.
    SignIn,
    /// Service events: AWS acted on its own.
    ServiceEvent,
}

/// A call with its parsed templates.
pub(crate) struct Call {
    /// `ec2`, the first part of the event source.
    pub(crate) service: String,
    /// `DescribeInstances`, the event name.
    pub(crate) name: String,
    /// The kind of its records.
    pub(crate) kind: RecordKind,
    /// `readOnly`.
    pub(crate) read_only: bool,
    /// Global services log in us-east-1, whatever the caller's region.
    pub(crate) is_global: bool,
    /// Template of `requestParameters`.
    pub(crate) request: Vec<Piece>,
    /// Template of `responseElements`.
    pub(crate) response: Vec<Piece>,
    /// Template of `resources`; empty: the record has none.
    pub(crate) resources: Vec<Piece>,
    /// Template of `additionalEventData`; empty: the record has none.
    pub(crate) additional: Vec<Piece>,
}

/// All calls, by number and by name.
pub(crate) struct Catalogue {
    calls: Vec<Call>,
    by_name: HashMap<String, CallId>,
}

impl Catalogue {
    /// The catalogue of all rows.
    pub(crate) fn new() -> Self {
        let mut catalogue = Self { calls: Vec::new(), by_name: HashMap::new() };
        for row in ROWS {
            catalogue.add(row);
        }
        catalogue
    }

    fn add(&mut self, row: &Row) -> CallId {
        let (service, name) = row.name.split_once(':').unwrap_or(("sts", row.name));
        let id = self.calls.len() as CallId;
        self.by_name.insert(row.name.to_owned(), id);
        self.calls.push(Call {
            service: service.to_owned(),
            name: name.to_owned(),
            kind: row.kind,
            read_only: row.read_only.unwrap_or_else(|| is_read_by_name(name)),
            is_global: matches!(
                service,
                "iam" | "organizations" | "signin" | "sso" | "health" | "account" | "ce" | "route53"
            ),
            request: parse(row.request),
            response: parse(row.response),
            resources: parse(row.resources),
            additional: parse(row.additional),
        });
        id
    }

    /// The number of `service:EventName`; a call without a row is added without parameters.
    pub(crate) fn id(&mut self, name: &'static str) -> CallId {
        match self.by_name.get(name) {
            Some(id) => *id,
            None => self.add(&call(name)),
        }
    }

    /// The call with that number.
    pub(crate) fn call(&self, id: CallId) -> &Call {
        &self.calls[usize::from(id)]
    }

    /// The numbers of the calls in a whitespace-separated list.
    pub(crate) fn ids(&mut self, list: &'static str) -> Vec<CallId> {
        list.split_whitespace().map(|name| self.id(name)).collect()
    }
}

fn is_read_by_name(name: &str) -> bool {
    ["Get", "List", "Describe", "Head", "BatchGet", "Lookup", "Search", "View"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

/// The names of a whitespace-separated list of calls.
pub(crate) fn call_names(list: &'static str) -> Vec<&'static str> {
    list.split_whitespace().collect()
}

/// One row of `ROWS`.
struct Row {
    name: &'static str,
    kind: RecordKind,
    read_only: Option<bool>,
    request: &'static str,
    response: &'static str,
    resources: &'static str,
    additional: &'static str,
}

const fn call(name: &'static str) -> Row {
    Row {
        name,
        kind: RecordKind::Management,
        read_only: None,
        request: "null",
        response: "null",
        resources: "",
        additional: "",
    }
}

impl Row {
    const fn request(self, request: &'static str) -> Self {
        Self { request, ..self }
    }
    const fn response(self, response: &'static str) -> Self {
        Self { response, ..self }
    }
    const fn resources(self, resources: &'static str) -> Self {
        Self { resources, ..self }
    }
    const fn additional(self, additional: &'static str) -> Self {
        Self { additional, ..self }
    }
    const fn kind(self, kind: RecordKind) -> Self {
        Self { kind, ..self }
    }
    const fn data(self) -> Self {
        self.kind(RecordKind::Data)
    }
    /// Logged as read-only although its name does not start with a read verb.
    const fn read_only(self) -> Self {
        Self { read_only: Some(true), ..self }
    }
}

const BUCKET: &str = r#"[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]"#;
const OBJECT: &str = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::$bucket/$key"},{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$bucket"}]"#;
const TABLE: &str = r#"[{"accountId":"$account","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:$region:$account:table/$table"}]"#;
const KEY: &str = r#"[{"accountId":"$account","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region:$account:key/$kms"}]"#;
const ROLE: &str = r#"[{"accountId":"$account","type":"AWS::IAM::Role","ARN":"arn:aws:iam::$account:role/$role"}]"#;
const REPOSITORY: &str = r#"[{"ARN":"arn:aws:ecr:$region:$account:repository/$repo","accountId":"$account"}]"#;
const PARAMETER: &str = r#"[{"accountId":"$account","ARN":"arn:aws:ssm:$region:$account:parameter$parameter"}]"#;
const S3: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b64","bytesTransferredOut":$bytes}"#;
const S3_IN: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":$bytes,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b64","bytesTransferredOut":0}"#;
const CREDENTIALS: &str = r#"{"credentials":{"accessKeyId":"$session_key","sessionToken":"$hex40$hex40","expiration":"$expiry"},"assumedRoleUser":{"assumedRoleId":"$role_id:$session","arn":"arn:aws:sts::$account:assumed-role/$role/$session"}}"#;
const EC2_OK: &str = r#"{"requestId":"$uuid","_return":true}"#;

/// Every call whose records have parameters, or that is not a management event.
static ROWS: &[Row] = &[
    // Signing in.
    call("signin:ConsoleLogin").kind(RecordKind::SignIn).response(r#"{"ConsoleLogin":"Success"}"#).additional(
        r#"{"LoginTo":"https://console.aws.amazon.com/console/home?region=$region","MobileVersion":"No","MFAUsed":"$mfa"$saml}"#,
    ),
    call("signin:UserAuthentication").kind(RecordKind::SignIn).additional(
        r#"{"AuthWorkflowID":"$uuid","CredentialType":"$credential","LoginTo":"https://$directory.awsapps.com/start/"}"#,
    ),
    call("signin:CredentialVerification").kind(RecordKind::SignIn).additional(
        r#"{"AuthWorkflowID":"$uuid","CredentialType":"$credential"}"#,
    ),
    call("sso:CreatePermissionSet").request(r#"{"name":"$permission_set","sessionDuration":"PT8H","instanceArn":"arn:aws:sso:::instance/ssoins-$hex16"}"#)
        .response(r#"{"permissionSet":{"name":"$permission_set","permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-$hex16/ps-$hex16"}}"#),
    call("sso:DeletePermissionSet").request(r#"{"permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-$hex16/ps-$hex16"}"#),
    call("sso:PutInlinePolicyToPermissionSet").request(r#"{"permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-$hex16/ps-$hex16","inlinePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"$actions\"],\"Resource\":\"*\"}]}"}"#),
    call("sso:ProvisionPermissionSet").request(r#"{"permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-$hex16/ps-$hex16","targetType":"ALL_PROVISIONED_ACCOUNTS"}"#),
    call("sso:CreateAccountAssignment").request(r#"{"permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-$hex16/ps-$hex16","principalType":"GROUP","principalId":"$uuid","targetId":"$peer","targetType":"AWS_ACCOUNT"}"#),
    call("sso:DeleteAccountAssignment").request(r#"{"permissionSetArn":"arn:aws:sso:::permissionSet/ssoins-$hex16/ps-$hex16","principalType":"GROUP","principalId":"$uuid","targetId":"$peer","targetType":"AWS_ACCOUNT"}"#),
    call("identitystore:CreateUser").request(r#"{"identityStoreId":"$directory","userName":"HIDDEN_DUE_TO_SECURITY_REASONS","displayName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#)
        .response(r#"{"userId":"$uuid","identityStoreId":"$directory"}"#),
    call("identitystore:CreateGroupMembership").request(r#"{"identityStoreId":"$directory","groupId":"$uuid","memberId":{"userId":"$uuid"}}"#)
        .response(r#"{"membershipId":"$uuid","identityStoreId":"$directory"}"#),
    call("cloudshell:CreateEnvironment").response(r#"{"EnvironmentId":"$uuid"}"#),
    call("cloudshell:CreateSession").request(r#"{"EnvironmentId":"$uuid"}"#),
    call("cloudshell:PutCredentials").request(r#"{"EnvironmentId":"$uuid"}"#),
    call("sso:Federate").request(r#"{"accountId":"$peer","roleName":"$permission_set"}"#),
    call("sts:AssumeRole").read_only().resources(ROLE).response(CREDENTIALS)
        .request(r#"{"roleArn":"arn:aws:iam::$account:role/$role","roleSessionName":"$session","durationSeconds":3600$external}"#),
    call("sts:AssumeRoleWithWebIdentity").read_only().resources(ROLE)
        .request(r#"{"roleArn":"arn:aws:iam::$account:role/$role","roleSessionName":"$session","durationSeconds":3600}"#)
        .response(r#"{"credentials":{"accessKeyId":"$session_key","sessionToken":"$hex40$hex40","expiration":"$expiry"},"subjectFromWebIdentityToken":"$subject","assumedRoleUser":{"assumedRoleId":"$role_id:$session","arn":"arn:aws:sts::$account:assumed-role/$role/$session"},"provider":"$provider","audience":"sts.amazonaws.com"}"#),
    call("signin:GetSigninToken").kind(RecordKind::SignIn).response(r#"{"GetSigninToken":"Success"}"#).additional(r#"{"MobileVersion":"No","MFAUsed":"$mfa"}"#),
    call("sts:GetFederationToken").read_only().request(r#"{"name":"$session","policyArns":[{"arn":"arn:aws:iam::aws:policy/AdministratorAccess"}],"durationSeconds":43200}"#)
        .response(r#"{"credentials":{"accessKeyId":"$session_key","sessionToken":"$hex40$hex40","expiration":"$expiry"},"federatedUser":{"federatedUserId":"$account:$session","arn":"arn:aws:sts::$account:federated-user/$session"},"packedPolicySize":4}"#),
    call("sts:GetSessionToken").read_only().request(r#"{"durationSeconds":3600}"#),
    // S3.
    call("s3:ListBuckets").request(r#"{"Host":"s3.$region.amazonaws.com"}"#).additional(S3),
    call("s3:ListObjects").data().request(r#"{"list-type":"2","bucketName":"$bucket","encoding-type":"url","prefix":"$prefix","delimiter":"/","Host":"$bucket.s3.$region.amazonaws.com"}"#).resources(BUCKET).additional(S3),
    call("s3:GetObject").data().request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#).resources(OBJECT).additional(S3),
    call("s3:HeadObject").data().request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#).resources(OBJECT).additional(S3),
    call("s3:PutObject").data().request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#)
        .response(r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:$region:$account:key/$kms"}"#).resources(OBJECT).additional(S3_IN),
    call("s3:CopyObject").data().request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","x-amz-copy-source":"$bucket/$key","x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"$copy_key","key":"$key"}"#)
        .response(r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"$copy_key"}"#).resources(OBJECT).additional(S3),
    call("s3:DeleteObject").data().request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#).resources(OBJECT).additional(S3),
    call("s3:DeleteObjects").data().request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","delete":""}"#).resources(BUCKET).additional(S3_IN),
    call("s3:GetBucketAcl").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","acl":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketPolicy").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policy":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketPolicyStatus").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policyStatus":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketLocation").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","location":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketVersioning").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","versioning":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketEncryption").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","encryption":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketPublicAccessBlock").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","publicAccessBlock":""}"#).resources(BUCKET).additional(S3),
    call("s3:GetBucketTagging").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","tagging":""}"#).resources(BUCKET).additional(S3),
    call("s3:PutBucketPolicy").request(r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"Share","Effect":"Allow","Principal":$grantee,"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::$bucket/*","arn:aws:s3:::$bucket"]}]},"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policy":""}"#).resources(BUCKET).additional(S3_IN),
    call("s3:PutBucketTagging").request(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","tagging":"","Tagging":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","TagSet":{"Tag":{"Key":"team","Value":"$service"}}}}"#).resources(BUCKET).additional(S3_IN),
    call("s3:PutBucketPublicAccessBlock").request(r#"{"publicAccessBlock":"","bucketName":"$bucket","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","RestrictPublicBuckets":$locked,"BlockPublicPolicy":$locked,"BlockPublicAcls":$locked,"IgnorePublicAcls":$locked},"Host":"$bucket.s3.$region.amazonaws.com"}"#).resources(BUCKET).additional(S3_IN),
    call("s3:PutBucketVersioning").request(r#"{"versioning":"","bucketName":"$bucket","VersioningConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Status":"$status"},"Host":"$bucket.s3.$region.amazonaws.com"}"#).resources(BUCKET).additional(S3_IN),
    call("s3:PutBucketLifecycle").request(r#"{"lifecycle":"","bucketName":"$bucket","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":$days},"ID":"expire"}},"Host":"$bucket.s3.$region.amazonaws.com"}"#).resources(BUCKET).additional(S3_IN),
    call("s3:CreateBucket").request(r#"{"CreateBucketConfiguration":{"LocationConstraint":"$region","xmlns":"http://s3.amazonaws.com/doc/2006-03-01/"},"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com"}"#).resources(BUCKET).additional(S3_IN),
    // DynamoDB.
    call("dynamodb:GetItem").data().request(r#"{"tableName":"$table","key":{"pk":"$uuid"}}"#).resources(TABLE),
    call("dynamodb:Query").data().read_only().request(r#"{"tableName":"$table","keyConditionExpression":"pk = :pk","limit":50}"#).resources(TABLE),
    call("dynamodb:PutItem").data().request(r#"{"tableName":"$table","key":{"pk":"$uuid"}}"#).resources(TABLE),
    call("dynamodb:UpdateItem").data().request(r#"{"tableName":"$table","key":{"pk":"$uuid"},"updateExpression":"SET s = :s"}"#).resources(TABLE),
    call("dynamodb:Scan").data().read_only().request(r#"{"tableName":"$table","limit":100}"#).resources(TABLE),
    call("dynamodb:DescribeTable").request(r#"{"tableName":"$table"}"#).resources(TABLE),
    call("dynamodb:ListTables").request(r#"{"limit":100}"#),
    call("dynamodb:CreateTable").request(r#"{"tableName":"$table","billingMode":"PAY_PER_REQUEST","keySchema":[{"attributeName":"pk","keyType":"HASH"}],"attributeDefinitions":[{"attributeName":"pk","attributeType":"S"}]}"#).resources(TABLE),
    // Lambda.
    call("lambda:Invoke").data().request(r#"{"functionName":"arn:aws:lambda:$region:$account:function:$function","invocationType":"RequestResponse","clientContext":null}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:$region:$account:function:$function"}]"#),
    call("lambda:ListFunctions20150331").request(r#"{"maxItems":50}"#),
    call("lambda:GetFunction20150331v2").request(r#"{"functionName":"$function"}"#),
    call("lambda:GetPolicy20150331v2").request(r#"{"functionName":"$function"}"#),
    call("lambda:UpdateFunctionCode20150331v2").request(r#"{"functionName":"$function","s3Bucket":"$bucket","s3Key":"builds/$hex12.zip","publish":true,"dryRun":false}"#)
        .response(r#"{"functionName":"$function","functionArn":"arn:aws:lambda:$region:$account:function:$function:$count","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","handler":"app.handler","codeSize":$bytes,"description":"","timeout":30,"memorySize":512,"lastModified":"$now_ms","codeSha256":"$b64","version":"$count","environment":{},"tracingConfig":{"mode":"PassThrough"},"revisionId":"$uuid","state":"Active","packageType":"Zip","architectures":["x86_64"],"ephemeralStorage":{"size":512}}"#),
    call("lambda:UpdateFunctionConfiguration20150331v2").request(r#"{"functionName":"$function","timeout":30,"memorySize":1024,"environment":{}}"#)
        .response(r#"{"functionName":"$function","functionArn":"arn:aws:lambda:$region:$account:function:$function","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","memorySize":1024,"environment":{},"revisionId":"$uuid"}"#),
    call("lambda:CreateFunction20150331").request(r#"{"functionName":"$function","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","handler":"app.handler","code":{},"description":"","timeout":30,"memorySize":128,"publish":false,"packageType":"Zip","environment":{}}"#)
        .response(r#"{"functionName":"$function","functionArn":"arn:aws:lambda:$region:$account:function:$function","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","handler":"app.handler","codeSize":$bytes,"timeout":30,"memorySize":128,"lastModified":"$now_ms","codeSha256":"$b64","version":"$LATEST","environment":{},"revisionId":"$uuid","state":"Pending","packageType":"Zip"}"#),
    // Logs and metrics.
    call("logs:DescribeLogGroups").request(r#"{"limit":50}"#),
    call("logs:DescribeLogStreams").request(r#"{"logGroupName":"$log_group","orderBy":"LastEventTime","descending":true,"limit":50}"#),
    call("logs:FilterLogEvents").read_only().request(r#"{"logGroupName":"$log_group","startTime":$millis,"limit":100}"#),
    call("logs:StartQuery").read_only().request(r#"{"logGroupName":"$log_group","queryString":"fields @timestamp, @message | sort @timestamp desc | limit 50"}"#).response(r#"{"queryId":"$uuid"}"#),
    call("logs:GetQueryResults").request(r#"{"queryId":"$uuid"}"#),
    call("logs:CreateLogStream").request(r#"{"logGroupName":"$log_group","logStreamName":"$day/[$LATEST]$hex32"}"#),
    call("logs:CreateLogGroup").request(r#"{"logGroupName":"$log_group"}"#),
    call("logs:DeleteLogGroup").request(r#"{"logGroupName":"$log_group"}"#),
    call("monitoring:DescribeAlarms").request(r#"{"maxRecords":100}"#),
    call("monitoring:PutMetricAlarm").request(r#"{"alarmName":"$alarm","namespace":"AWS/ApplicationELB","metricName":"HTTPCode_Target_5XX_Count","threshold":10.0,"period":300,"evaluationPeriods":2,"comparisonOperator":"GreaterThanThreshold","statistic":"Sum"}"#),
    call("monitoring:DeleteAlarms").request(r#"{"alarmNames":["$alarm"]}"#),
    call("monitoring:PutDashboard").request(r#"{"dashboardName":"$service-overview"}"#),
    // KMS.
    call("kms:Decrypt").read_only().request(r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::$bucket"}}"#).resources(KEY),
    call("kms:GenerateDataKey").read_only().request(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","keySpec":"AES_256","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::$bucket"}}"#).resources(KEY),
    call("kms:Encrypt").read_only().request(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#).resources(KEY),
    call("kms:DescribeKey").request(r#"{"keyId":"$kms"}"#).resources(KEY),
    call("kms:GetKeyPolicy").request(r#"{"keyId":"$kms","policyName":"default"}"#).resources(KEY),
    call("kms:GetKeyRotationStatus").request(r#"{"keyId":"$kms"}"#).resources(KEY),
    call("kms:ListAliases").request(r#"{"limit":100}"#),
    call("kms:ListKeys").request(r#"{"limit":1000}"#),
    call("kms:DisableKey").request(r#"{"keyId":"$kms"}"#).response(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms"}"#).resources(KEY),
    call("kms:ScheduleKeyDeletion").request(r#"{"keyId":"$kms","pendingWindowInDays":7}"#)
        .response(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","keyState":"PendingDeletion","deletionDate":"$long","pendingWindowInDays":7}"#).resources(KEY),
    call("kms:CreateGrant").request(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","granteePrincipal":"arn:aws:iam::$account:role/$role","operations":["Decrypt","GenerateDataKeyWithoutPlaintext"]}"#).response(r#"{"grantId":"$hex64"}"#).resources(KEY),
    call("kms:PutKeyPolicy").request(r#"{"keyId":"$kms","policyName":"default","bypassPolicyLockoutSafetyCheck":false,"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Enable IAM policies\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$account:root\"},\"Action\":\"kms:*\",\"Resource\":\"*\"},{\"Sid\":\"Allow use of the key\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$peer:root\"},\"Action\":[\"kms:Decrypt\",\"kms:DescribeKey\"],\"Resource\":\"*\"}]}"}"#).resources(KEY),
    call("kms:CreateKey").request(r#"{"description":"$service","keyUsage":"ENCRYPT_DECRYPT","keySpec":"SYMMETRIC_DEFAULT","origin":"AWS_KMS","multiRegion":false}"#).response(r#"{"keyMetadata":{"keyId":"$uuid","enabled":true,"keyState":"Enabled"}}"#),
    call("kms:CreateAlias").request(r#"{"aliasName":"alias/$service","targetKeyId":"$kms"}"#),
    call("kms:RotateKey").kind(RecordKind::ServiceEvent).response(r#"{"keyId":"$kms","backingKeyId":"$hex64","rotationType":"AUTOMATIC"}"#).resources(KEY),
    // Secrets and parameters.
    call("secretsmanager:GetSecretValue").request(r#"{"secretId":"$secret"}"#),
    call("secretsmanager:DescribeSecret").request(r#"{"secretId":"$secret"}"#),
    call("secretsmanager:ListSecrets").request(r#"{"maxResults":100}"#),
    call("secretsmanager:PutSecretValue").request(r#"{"secretId":"$secret","clientRequestToken":"$uuid"}"#).response(r#"{"arn":"$secret","name":"$service","versionId":"$uuid"}"#),
    call("secretsmanager:CreateSecret").request(r#"{"name":"$service/$hex8","clientRequestToken":"$uuid"}"#).response(r#"{"arn":"$secret","name":"$service/$hex8","versionId":"$uuid"}"#),
    call("secretsmanager:DeleteSecret").request(r#"{"secretId":"$secret","recoveryWindowInDays":7}"#),
    call("ssm:GetParameter").request(r#"{"name":"$parameter","withDecryption":true}"#).resources(PARAMETER),
    call("ssm:GetParameters").request(r#"{"names":["$parameter"],"withDecryption":true}"#).resources(PARAMETER),
    call("ssm:GetParametersByPath").request(r#"{"path":"/$service","recursive":true,"withDecryption":true}"#),
    call("ssm:DescribeParameters").request(r#"{"maxResults":50}"#),
    call("ssm:PutParameter").request(r#"{"name":"$parameter","type":"SecureString","overwrite":true,"value":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#).response(r#"{"version":$count,"tier":"Standard"}"#),
    call("ssm:StartSession").request(r#"{"target":"$instance"}"#).response(r#"{"sessionId":"$me-$hex17","streamUrl":"wss://ssmmessages.$region.amazonaws.com/v1/data-channel/$me-$hex17?role=publish_subscribe","tokenValue":"Value hidden due to security reasons."}"#),
    call("ssm:SendCommand").request(r#"{"instanceIds":["$instance"],"documentName":"AWS-RunShellScript","parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","interactive":false}"#)
        .response(r#"{"command":{"commandId":"$uuid","documentName":"AWS-RunShellScript","documentVersion":"$DEFAULT","parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","instanceIds":["$instance"],"status":"Pending","requestedDateTime":"$long","maxConcurrency":"50","maxErrors":"0","targetCount":1}}"#),
    call("ssm:GetCommandInvocation").request(r#"{"commandId":"$uuid","instanceId":"$instance"}"#),
    call("ssm:UpdateInstanceInformation").request(r#"{"instanceId":"$instance","agentVersion":"3.2.2222.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"$private_ip","computerName":"ip-$hex8.$region.compute.internal","agentName":"amazon-ssm-agent"}"#),
    // EC2.
    call("ec2:DescribeInstances").request(r#"{"maxResults":1000,"instancesSet":{},"filterSet":{}}"#),
    call("ec2:DescribeInstanceStatus").request(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]},"filterSet":{},"includeAllInstances":true}"#),
    call("ec2:DescribeSecurityGroups").request(r#"{"securityGroupSet":{},"securityGroupIdSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"$vpc"}]}}]}}"#),
    call("ec2:DescribeVpcs").request(r#"{"vpcSet":{},"filterSet":{}}"#),
    call("ec2:DescribeSubnets").request(r#"{"subnetSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"$vpc"}]}}]}}"#),
    call("ec2:DescribeVolumes").request(r#"{"volumeSet":{},"filterSet":{}}"#),
    call("ec2:DescribeSnapshots").request(r#"{"snapshotSet":{},"ownersSet":{"items":[{"owner":"self"}]},"sharedUsersSet":{},"filterSet":{}}"#),
    call("ec2:DescribeImages").request(r#"{"executableBySet":{},"imagesSet":{},"ownersSet":{"items":[{"owner":"self"}]},"filterSet":{}}"#),
    call("ec2:DescribeRegions").request(r#"{"regionSet":{},"allRegions":true}"#),
    call("ec2:DescribeInstanceAttribute").request(r#"{"instanceId":"$instance","attribute":"userData"}"#),
    call("ec2:DescribeNatGateways").request(r#"{"DescribeNatGatewaysRequest":{"Filter":{"Value":{"tag":1,"content":"$vpc"},"tag":1,"Name":"vpc-id"}}}"#),
    call("ec2:DescribeFlowLogs").request(r#"{"DescribeFlowLogsRequest":""}"#),
    call("ec2:GetPasswordData").request(r#"{"instanceId":"$instance"}"#),
    call("ec2:GetConsoleOutput").request(r#"{"instanceId":"$instance","latest":false}"#),
    call("ec2:DescribeLaunchTemplateVersions").request(r#"{"DescribeLaunchTemplateVersionsRequest":{"LaunchTemplateVersion":{"tag":1,"content":"$Latest"},"LaunchTemplateName":"$service"}}"#),
    call("ec2:StopInstances").request(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]},"force":false}"#)
        .response(r#"{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":64,"name":"stopping"},"previousState":{"code":16,"name":"running"}}]}}"#),
    call("ec2:StartInstances").request(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]}}"#)
        .response(r#"{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":0,"name":"pending"},"previousState":{"code":80,"name":"stopped"}}]}}"#),
    call("ec2:ModifyInstanceAttribute").request(r#"{"instanceId":"$instance","userData":"<sensitiveDataRemoved>"}"#).response(EC2_OK),
    call("ec2:CreateTags").request(r#"{"resourcesSet":{"items":[{"resourceId":"$instance"}]},"tagSet":{"items":[{"key":"team","value":"$service"}]}}"#).response(EC2_OK),
    call("ec2:RunInstances").request(r#"{"instancesSet":{"items":[{"imageId":"$image","minCount":$count_small,"maxCount":$count_small}]},"groupSet":{"items":[{"groupId":"$group"}]},"instanceType":"$instance_type","blockDeviceMapping":{},"monitoring":{"enabled":false},"disableApiTermination":false,"clientToken":"$uuid","iamInstanceProfile":{"name":"$role"},"ebsOptimized":false,"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"$service"}]}]}}"#)
        .response(r#"{"requestId":"$uuid","reservationId":"r-$hex17","ownerId":"$account","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-$new17","imageId":"$image","instanceState":{"code":0,"name":"pending"},"privateIpAddress":"$private_ip","amiLaunchIndex":0,"productCodes":{},"instanceType":"$instance_type","launchTime":$millis,"placement":{"availabilityZone":"$regiona","tenancy":"default"},"monitoring":{"state":"disabled"},"subnetId":"$subnet","vpcId":"$vpc","stateReason":{"code":"pending","message":"pending"},"architecture":"x86_64","rootDeviceType":"ebs"}]}}"#),
    call("ec2:TerminateInstances").request(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]}}"#)
        .response(r#"{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":32,"name":"shutting-down"},"previousState":{"code":16,"name":"running"}}]}}"#),
    call("ec2:RebootInstances").request(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]}}"#).response(EC2_OK),
    call("ec2:CreateSecurityGroup").request(r#"{"groupName":"$service-$hex8","groupDescription":"$service","vpcId":"$vpc"}"#).response(r#"{"requestId":"$uuid","_return":true,"groupId":"sg-$new17"}"#),
    call("ec2:AuthorizeSecurityGroupIngress").request(r#"{"groupId":"$group","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":$port,"toPort":$port,"groups":{},"ipRanges":{"items":[{"cidrIp":"$cidr"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#)
        .response(r#"{"requestId":"$uuid","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"$account","groupId":"$group","securityGroupRuleId":"sgr-$hex17","isEgress":false,"ipProtocol":"tcp","fromPort":$port,"toPort":$port,"cidrIpv4":"$cidr"}]}}"#),
    call("ec2:RevokeSecurityGroupIngress").request(r#"{"groupId":"$group","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":$port,"toPort":$port,"groups":{},"ipRanges":{"items":[{"cidrIp":"$cidr"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#).response(EC2_OK),
    call("ec2:CreateSnapshot").request(r#"{"volumeId":"$volume","tagSpecificationSet":{"items":[{"resourceType":"snapshot","tags":[{"key":"Name","value":"$service"}]}]}}"#)
        .response(r#"{"requestId":"$uuid","snapshotId":"snap-$new17","volumeId":"$volume","status":"pending","startTime":$millis,"ownerId":"$account","volumeSize":"100","encrypted":false}"#),
    call("ec2:CreateImage").request(r#"{"instanceId":"$instance","name":"$service-$hex8","noReboot":true}"#).response(r#"{"requestId":"$uuid","imageId":"ami-$new17"}"#),
    call("ec2:ModifySnapshotAttribute").request(r#"{"snapshotId":"$snapshot","createVolumePermission":{"add":{"items":[{"userId":"$peer"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}"#).response(EC2_OK),
    call("ec2:ModifyImageAttribute").request(r#"{"imageId":"$image","launchPermission":{"add":{"items":[{"userId":"$peer"}]}},"attributeType":"launchPermission"}"#).response(EC2_OK),
    call("ec2:CopySnapshot").request(r#"{"sourceRegion":"eu-central-1","sourceSnapshotId":"$snapshot","description":"$service"}"#).response(r#"{"requestId":"$uuid","snapshotId":"snap-$new17"}"#),
    call("ec2:DeleteSnapshot").request(r#"{"snapshotId":"$snapshot"}"#).response(EC2_OK),
    call("ec2:CreateFlowLogs").request(r#"{"CreateFlowLogsRequest":{"ResourceType":"VPC","ResourceId":{"tag":1,"content":"$vpc"},"TrafficType":"ALL","LogDestinationType":"s3"}}"#),
    call("ec2:DeleteFlowLogs").request(r#"{"DeleteFlowLogsRequest":{"FlowLogId":{"tag":1,"content":"fl-$hex17"}}}"#).response(r#"{"DeleteFlowLogsResponse":{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/","requestId":"$uuid","unsuccessful":""}}"#),
    call("ec2:CreateKeyPair").request(r#"{"keyName":"$service-$hex8","keyType":"rsa","keyFormat":"pem"}"#).response(r#"{"requestId":"$uuid","keyName":"$service","keyFingerprint":"$hex40","keyPairId":"key-$hex17","keyMaterial":"<sensitiveDataRemoved>"}"#),
    // IAM.
    call("iam:GetRole").request(r#"{"roleName":"$role"}"#),
    call("iam:ListRolePolicies").request(r#"{"roleName":"$role"}"#),
    call("iam:ListAttachedRolePolicies").request(r#"{"roleName":"$role"}"#),
    call("iam:GetRolePolicy").request(r#"{"roleName":"$role","policyName":"$service-access"}"#),
    call("iam:GetPolicy").request(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy"}"#),
    call("iam:GetPolicyVersion").request(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy","versionId":"v1"}"#),
    call("iam:ListPolicyVersions").request(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy"}"#),
    call("iam:GetUser").request(r#"{"userName":"$user"}"#),
    call("iam:ListAccessKeys").request(r#"{"userName":"$user"}"#),
    call("iam:ListAttachedUserPolicies").request(r#"{"userName":"$user"}"#),
    call("iam:ListUserPolicies").request(r#"{"userName":"$user"}"#),
    call("iam:ListGroupsForUser").request(r#"{"userName":"$user"}"#),
    call("iam:ListMFADevices").request(r#"{"userName":"$user"}"#),
    call("iam:ListUsers").request(r#"{"maxItems":100}"#),
    call("iam:ListRoles").request(r#"{"maxItems":100}"#),
    call("iam:CreateUser").request(r#"{"userName":"$user","path":"/"}"#).response(r#"{"user":{"path":"/","userName":"$user","userId":"AIDA$upper16","arn":"arn:aws:iam::$account:user/$user","createDate":"$long"}}"#),
    call("iam:DeleteUser").request(r#"{"userName":"$user"}"#),
    call("iam:CreateLoginProfile").request(r#"{"userName":"$user","passwordResetRequired":true}"#).response(r#"{"loginProfile":{"userName":"$user","createDate":"$long","passwordResetRequired":true}}"#),
    call("iam:UpdateLoginProfile").request(r#"{"userName":"$user","passwordResetRequired":false}"#),
    call("iam:AddUserToGroup").request(r#"{"userName":"$user","groupName":"$group_name"}"#),
    call("iam:CreateAccessKey").request(r#"{"userName":"$user"}"#).response(r#"{"accessKey":{"accessKeyId":"$new_key","status":"Active","userName":"$user","createDate":"$long"}}"#),
    call("iam:UpdateAccessKey").request(r#"{"userName":"$user","accessKeyId":"$old_key","status":"Inactive"}"#),
    call("iam:DeleteAccessKey").request(r#"{"userName":"$user","accessKeyId":"$old_key"}"#),
    call("iam:GetAccessKeyLastUsed").request(r#"{"accessKeyId":"$old_key"}"#).response(r#"{"userName":"$user"}"#),
    call("iam:AttachUserPolicy").request(r#"{"userName":"$user","policyArn":"$policy_arn"}"#),
    call("iam:PutUserPolicy").request(r#"{"userName":"$user","policyName":"$service-access","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"$actions\",\"Resource\":\"*\"}]}"}"#),
    call("iam:AttachRolePolicy").request(r#"{"roleName":"$role","policyArn":"$policy_arn"}"#),
    call("iam:PutRolePolicy").request(r#"{"roleName":"$role","policyName":"$service-access","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Resource\":\"arn:aws:s3:::$bucket/*\"}]}"}"#),
    call("iam:CreatePolicyVersion").request(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"$actions\",\"Resource\":\"*\"}]}","setAsDefault":true}"#)
        .response(r#"{"policyVersion":{"versionId":"v$count_small","isDefaultVersion":true,"createDate":"$long"}}"#),
    call("iam:CreateRole").request(r#"{"path":"/","roleName":"$new_role","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",$trust}]}","maxSessionDuration":3600}"#)
        .response(r#"{"role":{"path":"/","roleName":"$service","roleId":"AROA$upper16","arn":"arn:aws:iam::$account:role/$service","createDate":"$long"}}"#),
    call("iam:UpdateAssumeRolePolicy").request(r#"{"roleName":"$role","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$peer:root\"},\"Action\":\"sts:AssumeRole\"}]}"}"#),
    call("iam:SetDefaultPolicyVersion").request(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy","versionId":"v$count_small"}"#),
    call("iam:CreateSAMLProvider").request(r#"{"name":"$service-login","sAMLMetadataDocument":"<?xml version=\"1.0\"?><EntityDescriptor entityID=\"https://$hex12.okta.com/\"/>"}"#).response(r#"{"sAMLProviderArn":"arn:aws:iam::$account:saml-provider/$service-login"}"#),
    call("iam:CreateOpenIDConnectProvider").request(r#"{"url":"https://$subject","clientIDList":["sts.amazonaws.com"],"thumbprintList":["$hex40"]}"#).response(r#"{"openIDConnectProviderArn":"arn:aws:iam::$account:oidc-provider/$subject"}"#),
    call("rolesanywhere:CreateTrustAnchor").request(r#"{"name":"$service-hosts","enabled":true,"source":{"sourceType":"CERTIFICATE_BUNDLE","sourceData":{"x509CertificateData":"$b64"}}}"#).response(r#"{"trustAnchor":{"trustAnchorId":"$uuid","name":"$service-hosts","enabled":true}}"#),
    call("rolesanywhere:CreateProfile").request(r#"{"name":"$service-hosts","enabled":true,"roleArns":["arn:aws:iam::$account:role/$role"],"durationSeconds":3600}"#).response(r#"{"profile":{"profileId":"$uuid","name":"$service-hosts","enabled":true}}"#),
    call("iam:DeactivateMFADevice").request(r#"{"userName":"$user","serialNumber":"arn:aws:iam::$account:mfa/$user"}"#),
    call("iam:ChangePassword"),
    // Deployments.
    call("cloudformation:DescribeStacks").request(r#"{"stackName":"$stack"}"#),
    call("cloudformation:DescribeStackEvents").request(r#"{"stackName":"$stack"}"#),
    call("cloudformation:GetTemplate").request(r#"{"stackName":"$stack"}"#),
    call("cloudformation:CreateChangeSet").request(r#"{"stackName":"$stack","changeSetName":"deploy-$hex12","capabilities":["CAPABILITY_IAM"],"templateURL":"https://s3.$region.amazonaws.com/$bucket/template.json"}"#)
        .response(r#"{"id":"arn:aws:cloudformation:$region:$account:changeSet/deploy/$uuid","stackId":"arn:aws:cloudformation:$region:$account:stack/$stack/$uuid"}"#),
    call("cloudformation:DescribeChangeSet").request(r#"{"stackName":"$stack","changeSetName":"deploy-$hex12"}"#),
    call("cloudformation:ExecuteChangeSet").request(r#"{"stackName":"$stack","changeSetName":"deploy-$hex12"}"#),
    call("ecr:GetAuthorizationToken"),
    call("ecr:BatchGetImage").read_only().request(r#"{"registryId":"$account","repositoryName":"$repo","imageIds":[{"imageTag":"$hex8"}]}"#).resources(REPOSITORY),
    call("ecr:DescribeImages").request(r#"{"registryId":"$account","repositoryName":"$repo"}"#).resources(REPOSITORY),
    call("ecr:InitiateLayerUpload").request(r#"{"registryId":"$account","repositoryName":"$repo"}"#).response(r#"{"uploadId":"$uuid","partSize":20971520}"#).resources(REPOSITORY),
    call("ecr:CompleteLayerUpload").request(r#"{"registryId":"$account","repositoryName":"$repo","uploadId":"$uuid","layerDigests":["sha256:$hex64"]}"#).resources(REPOSITORY),
    call("ecr:PutImage").request(r#"{"registryId":"$account","repositoryName":"$repo","imageTag":"$hex8","imageManifestMediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#)
        .response(r#"{"image":{"registryId":"$account","repositoryName":"$repo","imageId":{"imageDigest":"sha256:$hex64","imageTag":"$hex8"}}}"#).resources(REPOSITORY),
    call("ecs:DescribeServices").request(r#"{"cluster":"$cluster","services":["$service"]}"#),
    call("ecs:DescribeTasks").request(r#"{"cluster":"$cluster","tasks":["$hex32"]}"#),
    call("ecs:RegisterTaskDefinition").request(r#"{"family":"$service","networkMode":"awsvpc","taskRoleArn":"arn:aws:iam::$account:role/$role","containerDefinitions":[{"name":"$service","image":"$account.dkr.ecr.$region.amazonaws.com/$repo:$hex8"}]}"#),
    call("ecs:UpdateService").request(r#"{"cluster":"$cluster","service":"$service","taskDefinition":"$service:$count","forceNewDeployment":true}"#),
    call("eks:CreateCluster").request(r#"{"name":"$cluster","version":"1.29","roleArn":"arn:aws:iam::$account:role/$cluster-control-plane","resourcesVpcConfig":{"subnetIds":["$subnet"],"endpointPrivateAccess":true}}"#)
        .response(r#"{"cluster":{"name":"$cluster","arn":"arn:aws:eks:$region:$account:cluster/$cluster","status":"CREATING","version":"1.29"}}"#),
    call("eks:DescribeCluster").request(r#"{"name":"$cluster"}"#),
    call("eks:ListNodegroups").request(r#"{"name":"$cluster"}"#),
    call("eks:AccessKubernetesApi").request(r#"{"name":"$cluster"}"#),
    // Databases.
    call("rds:DescribeDBInstances").request(r#"{"maxRecords":100}"#),
    call("rds:DescribeDBSnapshots").request(r#"{"dBInstanceIdentifier":"$database"}"#),
    call("rds:CreateDBSnapshot").request(r#"{"dBSnapshotIdentifier":"$database-$hex8","dBInstanceIdentifier":"$database"}"#)
        .response(r#"{"dBSnapshotIdentifier":"$database-$hex8","dBInstanceIdentifier":"$database","engine":"postgres","status":"creating","encrypted":true}"#),
    call("rds:ModifyDBSnapshotAttribute").request(r#"{"dBSnapshotIdentifier":"$database-$hex8","attributeName":"restore","valuesToAdd":["$peer"]}"#),
    call("rds:DeleteDBSnapshot").request(r#"{"dBSnapshotIdentifier":"$database-$hex8"}"#),
    call("rds:RestoreDBInstanceFromDBSnapshot").request(r#"{"dBInstanceIdentifier":"$database-restored","dBSnapshotIdentifier":"$database-$hex8","publiclyAccessible":false}"#),
    call("rds:ModifyDBInstance").request(r#"{"dBInstanceIdentifier":"$database","applyImmediately":true,"allocatedStorage":200}"#),
    // Queues and topics.
    call("sqs:GetQueueUrl").request(r#"{"queueName":"$queue"}"#),
    call("sqs:GetQueueAttributes").request(r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","attributeNames":["All"]}"#),
    call("sqs:ReceiveMessage").data().read_only().request(r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","maxNumberOfMessages":10}"#),
    call("sqs:SendMessage").data().request(r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    call("sqs:CreateQueue").request(r#"{"queueName":"$queue"}"#),
    call("sns:Publish").data().request(r#"{"topicArn":"arn:aws:sns:$region:$account:$topic","message":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    call("sns:GetTopicAttributes").request(r#"{"topicArn":"arn:aws:sns:$region:$account:$topic"}"#),
    // Logging, monitoring and the rest.
    call("cloudtrail:DescribeTrails").request(r#"{"trailNameList":[],"includeShadowTrails":true}"#),
    call("cloudtrail:GetTrailStatus").request(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:GetEventSelectors").request(r#"{"trailName":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:LookupEvents").read_only().request(r#"{"lookupAttributes":[{"attributeKey":"Username","attributeValue":"$user"}],"maxResults":50}"#),
    call("cloudtrail:StopLogging").request(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:StartLogging").request(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:DeleteTrail").request(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:UpdateTrail").request(r#"{"name":"$trail","isMultiRegionTrail":false,"includeGlobalServiceEvents":false}"#)
        .response(r#"{"name":"$trail","trailARN":"arn:aws:cloudtrail:$region:$account:trail/$trail","isMultiRegionTrail":false,"includeGlobalServiceEvents":false}"#),
    call("cloudtrail:PutEventSelectors").request(r#"{"trailName":"$trail","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[],"excludeManagementEventSources":[]}]}"#)
        .response(r#"{"trailARN":"arn:aws:cloudtrail:$region:$account:trail/$trail","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[],"excludeManagementEventSources":[]}]}"#),
    call("config:PutEvaluations").request(r#"{"resultToken":"HIDDEN_DUE_TO_SECURITY_REASONS","testMode":false}"#),
    call("config:DescribeConfigRules"),
    call("config:StopConfigurationRecorder").request(r#"{"configurationRecorderName":"default"}"#),
    call("config:SelectResourceConfig").read_only().request(r#"{"expression":"SELECT resourceId WHERE resourceType = 'AWS::EC2::Instance'"}"#),
    call("guardduty:ListFindings").request(r#"{"detectorId":"$detector","maxResults":50}"#),
    call("guardduty:GetFindings").request(r#"{"detectorId":"$detector","findingIds":["$hex32"]}"#),
    call("guardduty:GetDetector").request(r#"{"detectorId":"$detector"}"#),
    call("guardduty:UpdateDetector").request(r#"{"detectorId":"$detector","enable":false}"#),
    call("guardduty:DeleteDetector").request(r#"{"detectorId":"$detector"}"#),
    call("guardduty:CreateFilter").request(r#"{"detectorId":"$detector","name":"$service","action":"ARCHIVE","rank":1,"findingCriteria":{"criterion":{"severity":{"greaterThanOrEqual":1}}}}"#).response(r#"{"name":"$service"}"#),
    call("guardduty:CreateIPSet").request(r#"{"detectorId":"$detector","name":"partners","format":"TXT","location":"https://s3.amazonaws.com/$bucket/partners.txt","activate":true}"#).response(r#"{"ipSetId":"$hex32"}"#),
    call("organizations:DescribeOrganization"),
    call("organizations:ListAccounts").request(r#"{"maxResults":20}"#),
    call("organizations:LeaveOrganization"),
    call("athena:StartQueryExecution").request(r#"{"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","workGroup":"primary","queryExecutionContext":{"database":"$service"}}"#).response(r#"{"queryExecutionId":"$uuid"}"#),
    call("athena:GetQueryExecution").request(r#"{"queryExecutionId":"$uuid"}"#),
    call("glue:GetTable").request(r#"{"databaseName":"$service","name":"events"}"#),
    call("account:PutContactInformation").request(r#"{"contactInformation":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    call("bedrock:InvokeModel").read_only().request(r#"{"modelId":"amazon.titan-text-express-v1"}"#),
    call("bedrock:ListFoundationModels"),
    call("lambda:AddPermission20150331v2").request(r#"{"functionName":"$function","statementId":"$hex8","action":"lambda:InvokeFunction","principal":"events.amazonaws.com","sourceArn":"arn:aws:events:$region:$account:rule/$service"}"#),
    call("events:PutRule").request(r#"{"name":"$service","scheduleExpression":"rate(1 hour)","state":"ENABLED"}"#),
    call("events:PutTargets").request(r#"{"rule":"$service","targets":[{"id":"1","arn":"arn:aws:lambda:$region:$account:function:$function"}]}"#),
    call("logs:PutRetentionPolicy").request(r#"{"logGroupName":"$log_group","retentionInDays":$days}"#),
    call("ses:VerifyEmailIdentity").request(r#"{"emailAddress":"$hex8@$service.example"}"#),
    call("backup:DeleteRecoveryPoint").request(r#"{"backupVaultName":"Default","recoveryPointArn":"arn:aws:backup:$region:$account:recovery-point:$uuid"}"#),
    call("health:DescribeEventAggregates").request(r#"{"aggregateField":"eventTypeCategory","filter":{"eventStatusCodes":["open","upcoming"]}}"#),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_call_is_added_and_is_read_only_by_its_verb() {
        let mut catalogue = Catalogue::new();
        let id = catalogue.id("ec2:DescribeHosts");
        assert_eq!(id, catalogue.id("ec2:DescribeHosts"));
        assert!(catalogue.call(id).read_only);
        assert!(catalogue.call(id).resources.is_empty());
    }

    #[test]
    fn no_call_has_two_rows() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
