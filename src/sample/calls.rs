//! The AWS calls that the sample's actors make: one row a call, with the members its records have.
//!
//! A row's request, response, resources and additional data are templates: `$name` stands for a value that
//! `record::render` fills in. Calls without a row are records without parameters, which is what most `Describe*` and
//! `List*` calls look like. Out: a `Catalogue` that numbers calls. Never draws chance.

use std::collections::HashMap;

/// A call's number in the catalogue.
pub(super) type CallId = u16;

/// Which kind of record a call leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Management,
    /// Calls on objects, items and functions; logged only when a trail asks for it.
    Data,
    /// Sign-in pages.
    SignIn,
    /// Something AWS did by itself.
    ServiceEvent,
}

/// One row of the catalogue, as written down.
struct Row {
    name: &'static str,
    kind: Kind,
    read_only: Option<bool>,
    request: &'static str,
    response: &'static str,
    resources: &'static str,
    additional: &'static str,
}

const fn call(name: &'static str) -> Row {
    Row {
        name,
        kind: Kind::Management,
        read_only: None,
        request: "null",
        response: "null",
        resources: "",
        additional: "",
    }
}

impl Row {
    const fn asks(self, request: &'static str) -> Self {
        Self { request, ..self }
    }
    const fn answers(self, response: &'static str) -> Self {
        Self { response, ..self }
    }
    const fn on(self, resources: &'static str) -> Self {
        Self { resources, ..self }
    }
    const fn adds(self, additional: &'static str) -> Self {
        Self { additional, ..self }
    }
    const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
    const fn data(self) -> Self {
        self.kind(Kind::Data)
    }
    /// Logged as reading although its name does not begin like it.
    const fn reads(self) -> Self {
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

/// Every call whose records say more than who, when and what.
static ROWS: &[Row] = &[
    // Signing in.
    call("signin:ConsoleLogin").kind(Kind::SignIn).answers(r#"{"ConsoleLogin":"Success"}"#).adds(
        r#"{"LoginTo":"https://console.aws.amazon.com/console/home?region=$region","MobileVersion":"No","MFAUsed":"$mfa"$saml}"#,
    ),
    call("signin:UserAuthentication").kind(Kind::SignIn).adds(
        r#"{"AuthWorkflowID":"$uuid","CredentialType":"$credential","LoginTo":"https://$directory.awsapps.com/start/"}"#,
    ),
    call("signin:CredentialVerification").kind(Kind::SignIn).adds(
        r#"{"AuthWorkflowID":"$uuid","CredentialType":"$credential"}"#,
    ),
    call("sso:Federate").asks(r#"{"accountId":"$peer","roleName":"$permission_set"}"#),
    call("sts:AssumeRole").reads().on(ROLE).answers(CREDENTIALS)
        .asks(r#"{"roleArn":"arn:aws:iam::$account:role/$role","roleSessionName":"$session","durationSeconds":3600$external}"#),
    call("sts:AssumeRoleWithWebIdentity").reads().on(ROLE)
        .asks(r#"{"roleArn":"arn:aws:iam::$account:role/$role","roleSessionName":"$session","durationSeconds":3600}"#)
        .answers(r#"{"credentials":{"accessKeyId":"$session_key","sessionToken":"$hex40$hex40","expiration":"$expiry"},"subjectFromWebIdentityToken":"$subject","assumedRoleUser":{"assumedRoleId":"$role_id:$session","arn":"arn:aws:sts::$account:assumed-role/$role/$session"},"provider":"$provider","audience":"sts.amazonaws.com"}"#),
    call("signin:GetSigninToken").kind(Kind::SignIn).answers(r#"{"GetSigninToken":"Success"}"#).adds(r#"{"MobileVersion":"No","MFAUsed":"$mfa"}"#),
    call("sts:GetFederationToken").reads().asks(r#"{"name":"$session","policyArns":[{"arn":"arn:aws:iam::aws:policy/AdministratorAccess"}],"durationSeconds":43200}"#)
        .answers(r#"{"credentials":{"accessKeyId":"$session_key","sessionToken":"$hex40$hex40","expiration":"$expiry"},"federatedUser":{"federatedUserId":"$account:$session","arn":"arn:aws:sts::$account:federated-user/$session"},"packedPolicySize":4}"#),
    call("sts:GetSessionToken").reads().asks(r#"{"durationSeconds":3600}"#),
    // S3.
    call("s3:ListBuckets").asks(r#"{"Host":"s3.$region.amazonaws.com"}"#).adds(S3),
    call("s3:ListObjects").data().asks(r#"{"list-type":"2","bucketName":"$bucket","encoding-type":"url","prefix":"$prefix","delimiter":"/","Host":"$bucket.s3.$region.amazonaws.com"}"#).on(BUCKET).adds(S3),
    call("s3:GetObject").data().asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#).on(OBJECT).adds(S3),
    call("s3:HeadObject").data().asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#).on(OBJECT).adds(S3),
    call("s3:PutObject").data().asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#)
        .answers(r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:$region:$account:key/$kms"}"#).on(OBJECT).adds(S3_IN),
    call("s3:CopyObject").data().asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","x-amz-copy-source":"$bucket/$key","x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"$copy_key","key":"$key"}"#)
        .answers(r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"$copy_key"}"#).on(OBJECT).adds(S3),
    call("s3:DeleteObject").data().asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","key":"$key"}"#).on(OBJECT).adds(S3),
    call("s3:DeleteObjects").data().asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","delete":""}"#).on(BUCKET).adds(S3_IN),
    call("s3:GetBucketAcl").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","acl":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketPolicy").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policy":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketPolicyStatus").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policyStatus":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketLocation").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","location":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketVersioning").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","versioning":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketEncryption").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","encryption":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketPublicAccessBlock").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","publicAccessBlock":""}"#).on(BUCKET).adds(S3),
    call("s3:GetBucketTagging").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","tagging":""}"#).on(BUCKET).adds(S3),
    call("s3:PutBucketPolicy").asks(r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"Share","Effect":"Allow","Principal":$grantee,"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::$bucket/*","arn:aws:s3:::$bucket"]}]},"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","policy":""}"#).on(BUCKET).adds(S3_IN),
    call("s3:PutBucketTagging").asks(r#"{"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com","tagging":"","Tagging":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","TagSet":{"Tag":{"Key":"team","Value":"$service"}}}}"#).on(BUCKET).adds(S3_IN),
    call("s3:PutBucketPublicAccessBlock").asks(r#"{"publicAccessBlock":"","bucketName":"$bucket","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","RestrictPublicBuckets":$locked,"BlockPublicPolicy":$locked,"BlockPublicAcls":$locked,"IgnorePublicAcls":$locked},"Host":"$bucket.s3.$region.amazonaws.com"}"#).on(BUCKET).adds(S3_IN),
    call("s3:PutBucketVersioning").asks(r#"{"versioning":"","bucketName":"$bucket","VersioningConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Status":"$status"},"Host":"$bucket.s3.$region.amazonaws.com"}"#).on(BUCKET).adds(S3_IN),
    call("s3:PutBucketLifecycle").asks(r#"{"lifecycle":"","bucketName":"$bucket","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":$days},"ID":"expire"}},"Host":"$bucket.s3.$region.amazonaws.com"}"#).on(BUCKET).adds(S3_IN),
    call("s3:CreateBucket").asks(r#"{"CreateBucketConfiguration":{"LocationConstraint":"$region","xmlns":"http://s3.amazonaws.com/doc/2006-03-01/"},"bucketName":"$bucket","Host":"$bucket.s3.$region.amazonaws.com"}"#).on(BUCKET).adds(S3_IN),
    // DynamoDB.
    call("dynamodb:GetItem").data().asks(r#"{"tableName":"$table","key":{"pk":"$uuid"}}"#).on(TABLE),
    call("dynamodb:Query").data().reads().asks(r#"{"tableName":"$table","keyConditionExpression":"pk = :pk","limit":50}"#).on(TABLE),
    call("dynamodb:PutItem").data().asks(r#"{"tableName":"$table","key":{"pk":"$uuid"}}"#).on(TABLE),
    call("dynamodb:UpdateItem").data().asks(r#"{"tableName":"$table","key":{"pk":"$uuid"},"updateExpression":"SET s = :s"}"#).on(TABLE),
    call("dynamodb:Scan").data().reads().asks(r#"{"tableName":"$table","limit":100}"#).on(TABLE),
    call("dynamodb:DescribeTable").asks(r#"{"tableName":"$table"}"#).on(TABLE),
    call("dynamodb:ListTables").asks(r#"{"limit":100}"#),
    call("dynamodb:CreateTable").asks(r#"{"tableName":"$table","billingMode":"PAY_PER_REQUEST","keySchema":[{"attributeName":"pk","keyType":"HASH"}],"attributeDefinitions":[{"attributeName":"pk","attributeType":"S"}]}"#).on(TABLE),
    // Lambda.
    call("lambda:Invoke").data().asks(r#"{"functionName":"arn:aws:lambda:$region:$account:function:$function","invocationType":"RequestResponse","clientContext":null}"#)
        .on(r#"[{"accountId":"$account","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:$region:$account:function:$function"}]"#),
    call("lambda:ListFunctions20150331").asks(r#"{"maxItems":50}"#),
    call("lambda:GetFunction20150331v2").asks(r#"{"functionName":"$function"}"#),
    call("lambda:GetPolicy20150331v2").asks(r#"{"functionName":"$function"}"#),
    call("lambda:UpdateFunctionCode20150331v2").asks(r#"{"functionName":"$function","s3Bucket":"$bucket","s3Key":"builds/$hex12.zip","publish":true,"dryRun":false}"#)
        .answers(r#"{"functionName":"$function","functionArn":"arn:aws:lambda:$region:$account:function:$function:$count","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","handler":"app.handler","codeSize":$bytes,"description":"","timeout":30,"memorySize":512,"lastModified":"$now_ms","codeSha256":"$b64","version":"$count","environment":{},"tracingConfig":{"mode":"PassThrough"},"revisionId":"$uuid","state":"Active","packageType":"Zip","architectures":["x86_64"],"ephemeralStorage":{"size":512}}"#),
    call("lambda:UpdateFunctionConfiguration20150331v2").asks(r#"{"functionName":"$function","timeout":30,"memorySize":1024,"environment":{}}"#)
        .answers(r#"{"functionName":"$function","functionArn":"arn:aws:lambda:$region:$account:function:$function","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","memorySize":1024,"environment":{},"revisionId":"$uuid"}"#),
    call("lambda:CreateFunction20150331").asks(r#"{"functionName":"$function","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","handler":"app.handler","code":{},"description":"","timeout":30,"memorySize":128,"publish":false,"packageType":"Zip","environment":{}}"#)
        .answers(r#"{"functionName":"$function","functionArn":"arn:aws:lambda:$region:$account:function:$function","runtime":"python3.11","role":"arn:aws:iam::$account:role/$role","handler":"app.handler","codeSize":$bytes,"timeout":30,"memorySize":128,"lastModified":"$now_ms","codeSha256":"$b64","version":"$LATEST","environment":{},"revisionId":"$uuid","state":"Pending","packageType":"Zip"}"#),
    // Logs and metrics.
    call("logs:DescribeLogGroups").asks(r#"{"limit":50}"#),
    call("logs:DescribeLogStreams").asks(r#"{"logGroupName":"$log_group","orderBy":"LastEventTime","descending":true,"limit":50}"#),
    call("logs:FilterLogEvents").reads().asks(r#"{"logGroupName":"$log_group","startTime":$millis,"limit":100}"#),
    call("logs:StartQuery").reads().asks(r#"{"logGroupName":"$log_group","queryString":"fields @timestamp, @message | sort @timestamp desc | limit 50"}"#).answers(r#"{"queryId":"$uuid"}"#),
    call("logs:GetQueryResults").asks(r#"{"queryId":"$uuid"}"#),
    call("logs:CreateLogStream").asks(r#"{"logGroupName":"$log_group","logStreamName":"$day/[$LATEST]$hex32"}"#),
    call("logs:CreateLogGroup").asks(r#"{"logGroupName":"$log_group"}"#),
    call("logs:DeleteLogGroup").asks(r#"{"logGroupName":"$log_group"}"#),
    call("monitoring:DescribeAlarms").asks(r#"{"maxRecords":100}"#),
    call("monitoring:PutMetricAlarm").asks(r#"{"alarmName":"$alarm","namespace":"AWS/ApplicationELB","metricName":"HTTPCode_Target_5XX_Count","threshold":10.0,"period":300,"evaluationPeriods":2,"comparisonOperator":"GreaterThanThreshold","statistic":"Sum"}"#),
    call("monitoring:DeleteAlarms").asks(r#"{"alarmNames":["$alarm"]}"#),
    call("monitoring:PutDashboard").asks(r#"{"dashboardName":"$service-overview"}"#),
    // KMS.
    call("kms:Decrypt").reads().asks(r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::$bucket"}}"#).on(KEY),
    call("kms:GenerateDataKey").reads().asks(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","keySpec":"AES_256","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::$bucket"}}"#).on(KEY),
    call("kms:Encrypt").reads().asks(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#).on(KEY),
    call("kms:DescribeKey").asks(r#"{"keyId":"$kms"}"#).on(KEY),
    call("kms:GetKeyPolicy").asks(r#"{"keyId":"$kms","policyName":"default"}"#).on(KEY),
    call("kms:GetKeyRotationStatus").asks(r#"{"keyId":"$kms"}"#).on(KEY),
    call("kms:ListAliases").asks(r#"{"limit":100}"#),
    call("kms:ListKeys").asks(r#"{"limit":1000}"#),
    call("kms:DisableKey").asks(r#"{"keyId":"$kms"}"#).answers(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms"}"#).on(KEY),
    call("kms:ScheduleKeyDeletion").asks(r#"{"keyId":"$kms","pendingWindowInDays":7}"#)
        .answers(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","keyState":"PendingDeletion","deletionDate":"$long","pendingWindowInDays":7}"#).on(KEY),
    call("kms:CreateGrant").asks(r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","granteePrincipal":"arn:aws:iam::$account:role/$role","operations":["Decrypt","GenerateDataKeyWithoutPlaintext"]}"#).answers(r#"{"grantId":"$hex64"}"#).on(KEY),
    call("kms:PutKeyPolicy").asks(r#"{"keyId":"$kms","policyName":"default","bypassPolicyLockoutSafetyCheck":false,"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Enable IAM policies\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$account:root\"},\"Action\":\"kms:*\",\"Resource\":\"*\"},{\"Sid\":\"Allow use of the key\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$peer:root\"},\"Action\":[\"kms:Decrypt\",\"kms:DescribeKey\"],\"Resource\":\"*\"}]}"}"#).on(KEY),
    call("kms:CreateKey").asks(r#"{"description":"$service","keyUsage":"ENCRYPT_DECRYPT","keySpec":"SYMMETRIC_DEFAULT","origin":"AWS_KMS","multiRegion":false}"#).answers(r#"{"keyMetadata":{"keyId":"$uuid","enabled":true,"keyState":"Enabled"}}"#),
    call("kms:CreateAlias").asks(r#"{"aliasName":"alias/$service","targetKeyId":"$kms"}"#),
    call("kms:RotateKey").kind(Kind::ServiceEvent).answers(r#"{"keyId":"$kms","backingKeyId":"$hex64","rotationType":"AUTOMATIC"}"#).on(KEY),
    // Secrets and parameters.
    call("secretsmanager:GetSecretValue").asks(r#"{"secretId":"$secret"}"#),
    call("secretsmanager:DescribeSecret").asks(r#"{"secretId":"$secret"}"#),
    call("secretsmanager:ListSecrets").asks(r#"{"maxResults":100}"#),
    call("secretsmanager:PutSecretValue").asks(r#"{"secretId":"$secret","clientRequestToken":"$uuid"}"#).answers(r#"{"arn":"$secret","name":"$service","versionId":"$uuid"}"#),
    call("secretsmanager:CreateSecret").asks(r#"{"name":"$service/$hex8","clientRequestToken":"$uuid"}"#).answers(r#"{"arn":"$secret","name":"$service/$hex8","versionId":"$uuid"}"#),
    call("secretsmanager:DeleteSecret").asks(r#"{"secretId":"$secret","recoveryWindowInDays":7}"#),
    call("ssm:GetParameter").asks(r#"{"name":"$parameter","withDecryption":true}"#).on(PARAMETER),
    call("ssm:GetParameters").asks(r#"{"names":["$parameter"],"withDecryption":true}"#).on(PARAMETER),
    call("ssm:GetParametersByPath").asks(r#"{"path":"/$service","recursive":true,"withDecryption":true}"#),
    call("ssm:DescribeParameters").asks(r#"{"maxResults":50}"#),
    call("ssm:PutParameter").asks(r#"{"name":"$parameter","type":"SecureString","overwrite":true,"value":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#).answers(r#"{"version":$count,"tier":"Standard"}"#),
    call("ssm:StartSession").asks(r#"{"target":"$instance"}"#).answers(r#"{"sessionId":"$me-$hex17","streamUrl":"wss://ssmmessages.$region.amazonaws.com/v1/data-channel/$me-$hex17?role=publish_subscribe","tokenValue":"Value hidden due to security reasons."}"#),
    call("ssm:SendCommand").asks(r#"{"instanceIds":["$instance"],"documentName":"AWS-RunShellScript","parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","interactive":false}"#)
        .answers(r#"{"command":{"commandId":"$uuid","documentName":"AWS-RunShellScript","documentVersion":"$DEFAULT","parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","instanceIds":["$instance"],"status":"Pending","requestedDateTime":"$long","maxConcurrency":"50","maxErrors":"0","targetCount":1}}"#),
    call("ssm:GetCommandInvocation").asks(r#"{"commandId":"$uuid","instanceId":"$instance"}"#),
    call("ssm:UpdateInstanceInformation").asks(r#"{"instanceId":"$instance","agentVersion":"3.2.2222.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"$private_ip","computerName":"ip-$hex8.$region.compute.internal","agentName":"amazon-ssm-agent"}"#),
    // EC2.
    call("ec2:DescribeInstances").asks(r#"{"maxResults":1000,"instancesSet":{},"filterSet":{}}"#),
    call("ec2:DescribeInstanceStatus").asks(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]},"filterSet":{},"includeAllInstances":true}"#),
    call("ec2:DescribeSecurityGroups").asks(r#"{"securityGroupSet":{},"securityGroupIdSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"$vpc"}]}}]}}"#),
    call("ec2:DescribeVpcs").asks(r#"{"vpcSet":{},"filterSet":{}}"#),
    call("ec2:DescribeSubnets").asks(r#"{"subnetSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"$vpc"}]}}]}}"#),
    call("ec2:DescribeVolumes").asks(r#"{"volumeSet":{},"filterSet":{}}"#),
    call("ec2:DescribeSnapshots").asks(r#"{"snapshotSet":{},"ownersSet":{"items":[{"owner":"self"}]},"sharedUsersSet":{},"filterSet":{}}"#),
    call("ec2:DescribeImages").asks(r#"{"executableBySet":{},"imagesSet":{},"ownersSet":{"items":[{"owner":"self"}]},"filterSet":{}}"#),
    call("ec2:DescribeRegions").asks(r#"{"regionSet":{},"allRegions":true}"#),
    call("ec2:DescribeInstanceAttribute").asks(r#"{"instanceId":"$instance","attribute":"userData"}"#),
    call("ec2:DescribeNatGateways").asks(r#"{"DescribeNatGatewaysRequest":{"Filter":{"Value":{"tag":1,"content":"$vpc"},"tag":1,"Name":"vpc-id"}}}"#),
    call("ec2:DescribeFlowLogs").asks(r#"{"DescribeFlowLogsRequest":""}"#),
    call("ec2:GetPasswordData").asks(r#"{"instanceId":"$instance"}"#),
    call("ec2:GetConsoleOutput").asks(r#"{"instanceId":"$instance","latest":false}"#),
    call("ec2:DescribeLaunchTemplateVersions").asks(r#"{"DescribeLaunchTemplateVersionsRequest":{"LaunchTemplateVersion":{"tag":1,"content":"$Latest"},"LaunchTemplateName":"$service"}}"#),
    call("ec2:StopInstances").asks(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]},"force":false}"#)
        .answers(r#"{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":64,"name":"stopping"},"previousState":{"code":16,"name":"running"}}]}}"#),
    call("ec2:StartInstances").asks(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]}}"#)
        .answers(r#"{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":0,"name":"pending"},"previousState":{"code":80,"name":"stopped"}}]}}"#),
    call("ec2:ModifyInstanceAttribute").asks(r#"{"instanceId":"$instance","userData":"<sensitiveDataRemoved>"}"#).answers(EC2_OK),
    call("ec2:CreateTags").asks(r#"{"resourcesSet":{"items":[{"resourceId":"$instance"}]},"tagSet":{"items":[{"key":"team","value":"$service"}]}}"#).answers(EC2_OK),
    call("ec2:RunInstances").asks(r#"{"instancesSet":{"items":[{"imageId":"$image","minCount":$count_small,"maxCount":$count_small}]},"groupSet":{"items":[{"groupId":"$group"}]},"instanceType":"$instance_type","blockDeviceMapping":{},"monitoring":{"enabled":false},"disableApiTermination":false,"clientToken":"$uuid","iamInstanceProfile":{"name":"$role"},"ebsOptimized":false,"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"$service"}]}]}}"#)
        .answers(r#"{"requestId":"$uuid","reservationId":"r-$hex17","ownerId":"$account","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-$new17","imageId":"$image","instanceState":{"code":0,"name":"pending"},"privateIpAddress":"$private_ip","amiLaunchIndex":0,"productCodes":{},"instanceType":"$instance_type","launchTime":$millis,"placement":{"availabilityZone":"$regiona","tenancy":"default"},"monitoring":{"state":"disabled"},"subnetId":"$subnet","vpcId":"$vpc","stateReason":{"code":"pending","message":"pending"},"architecture":"x86_64","rootDeviceType":"ebs"}]}}"#),
    call("ec2:TerminateInstances").asks(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]}}"#)
        .answers(r#"{"requestId":"$uuid","instancesSet":{"items":[{"instanceId":"$instance","currentState":{"code":32,"name":"shutting-down"},"previousState":{"code":16,"name":"running"}}]}}"#),
    call("ec2:RebootInstances").asks(r#"{"instancesSet":{"items":[{"instanceId":"$instance"}]}}"#).answers(EC2_OK),
    call("ec2:CreateSecurityGroup").asks(r#"{"groupName":"$service-$hex8","groupDescription":"$service","vpcId":"$vpc"}"#).answers(r#"{"requestId":"$uuid","_return":true,"groupId":"sg-$new17"}"#),
    call("ec2:AuthorizeSecurityGroupIngress").asks(r#"{"groupId":"$group","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":$port,"toPort":$port,"groups":{},"ipRanges":{"items":[{"cidrIp":"$cidr"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#)
        .answers(r#"{"requestId":"$uuid","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"$account","groupId":"$group","securityGroupRuleId":"sgr-$hex17","isEgress":false,"ipProtocol":"tcp","fromPort":$port,"toPort":$port,"cidrIpv4":"$cidr"}]}}"#),
    call("ec2:RevokeSecurityGroupIngress").asks(r#"{"groupId":"$group","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":$port,"toPort":$port,"groups":{},"ipRanges":{"items":[{"cidrIp":"$cidr"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#).answers(EC2_OK),
    call("ec2:CreateSnapshot").asks(r#"{"volumeId":"$volume","tagSpecificationSet":{"items":[{"resourceType":"snapshot","tags":[{"key":"Name","value":"$service"}]}]}}"#)
        .answers(r#"{"requestId":"$uuid","snapshotId":"snap-$new17","volumeId":"$volume","status":"pending","startTime":$millis,"ownerId":"$account","volumeSize":"100","encrypted":false}"#),
    call("ec2:CreateImage").asks(r#"{"instanceId":"$instance","name":"$service-$hex8","noReboot":true}"#).answers(r#"{"requestId":"$uuid","imageId":"ami-$new17"}"#),
    call("ec2:ModifySnapshotAttribute").asks(r#"{"snapshotId":"$snapshot","createVolumePermission":{"add":{"items":[{"userId":"$peer"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}"#).answers(EC2_OK),
    call("ec2:ModifyImageAttribute").asks(r#"{"imageId":"$image","launchPermission":{"add":{"items":[{"userId":"$peer"}]}},"attributeType":"launchPermission"}"#).answers(EC2_OK),
    call("ec2:CopySnapshot").asks(r#"{"sourceRegion":"eu-central-1","sourceSnapshotId":"$snapshot","description":"$service"}"#).answers(r#"{"requestId":"$uuid","snapshotId":"snap-$new17"}"#),
    call("ec2:DeleteSnapshot").asks(r#"{"snapshotId":"$snapshot"}"#).answers(EC2_OK),
    call("ec2:CreateFlowLogs").asks(r#"{"CreateFlowLogsRequest":{"ResourceType":"VPC","ResourceId":{"tag":1,"content":"$vpc"},"TrafficType":"ALL","LogDestinationType":"s3"}}"#),
    call("ec2:DeleteFlowLogs").asks(r#"{"DeleteFlowLogsRequest":{"FlowLogId":{"tag":1,"content":"fl-$hex17"}}}"#).answers(r#"{"DeleteFlowLogsResponse":{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/","requestId":"$uuid","unsuccessful":""}}"#),
    call("ec2:CreateKeyPair").asks(r#"{"keyName":"$service-$hex8","keyType":"rsa","keyFormat":"pem"}"#).answers(r#"{"requestId":"$uuid","keyName":"$service","keyFingerprint":"$hex40","keyPairId":"key-$hex17","keyMaterial":"<sensitiveDataRemoved>"}"#),
    // IAM.
    call("iam:GetRole").asks(r#"{"roleName":"$role"}"#),
    call("iam:ListRolePolicies").asks(r#"{"roleName":"$role"}"#),
    call("iam:ListAttachedRolePolicies").asks(r#"{"roleName":"$role"}"#),
    call("iam:GetRolePolicy").asks(r#"{"roleName":"$role","policyName":"$service-access"}"#),
    call("iam:GetPolicy").asks(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy"}"#),
    call("iam:GetPolicyVersion").asks(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy","versionId":"v1"}"#),
    call("iam:ListPolicyVersions").asks(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy"}"#),
    call("iam:GetUser").asks(r#"{"userName":"$user"}"#),
    call("iam:ListAccessKeys").asks(r#"{"userName":"$user"}"#),
    call("iam:ListAttachedUserPolicies").asks(r#"{"userName":"$user"}"#),
    call("iam:ListUserPolicies").asks(r#"{"userName":"$user"}"#),
    call("iam:ListGroupsForUser").asks(r#"{"userName":"$user"}"#),
    call("iam:ListMFADevices").asks(r#"{"userName":"$user"}"#),
    call("iam:ListUsers").asks(r#"{"maxItems":100}"#),
    call("iam:ListRoles").asks(r#"{"maxItems":100}"#),
    call("iam:CreateUser").asks(r#"{"userName":"$user","path":"/"}"#).answers(r#"{"user":{"path":"/","userName":"$user","userId":"AIDA$upper16","arn":"arn:aws:iam::$account:user/$user","createDate":"$long"}}"#),
    call("iam:DeleteUser").asks(r#"{"userName":"$user"}"#),
    call("iam:CreateLoginProfile").asks(r#"{"userName":"$user","passwordResetRequired":true}"#).answers(r#"{"loginProfile":{"userName":"$user","createDate":"$long","passwordResetRequired":true}}"#),
    call("iam:UpdateLoginProfile").asks(r#"{"userName":"$user","passwordResetRequired":false}"#),
    call("iam:AddUserToGroup").asks(r#"{"userName":"$user","groupName":"$group_name"}"#),
    call("iam:CreateAccessKey").asks(r#"{"userName":"$user"}"#).answers(r#"{"accessKey":{"accessKeyId":"$new_key","status":"Active","userName":"$user","createDate":"$long"}}"#),
    call("iam:UpdateAccessKey").asks(r#"{"userName":"$user","accessKeyId":"$old_key","status":"Inactive"}"#),
    call("iam:DeleteAccessKey").asks(r#"{"userName":"$user","accessKeyId":"$old_key"}"#),
    call("iam:GetAccessKeyLastUsed").asks(r#"{"accessKeyId":"$old_key"}"#).answers(r#"{"userName":"$user"}"#),
    call("iam:AttachUserPolicy").asks(r#"{"userName":"$user","policyArn":"$policy_arn"}"#),
    call("iam:PutUserPolicy").asks(r#"{"userName":"$user","policyName":"$service-access","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"$actions\",\"Resource\":\"*\"}]}"}"#),
    call("iam:AttachRolePolicy").asks(r#"{"roleName":"$role","policyArn":"$policy_arn"}"#),
    call("iam:PutRolePolicy").asks(r#"{"roleName":"$role","policyName":"$service-access","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Resource\":\"arn:aws:s3:::$bucket/*\"}]}"}"#),
    call("iam:CreatePolicyVersion").asks(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"$actions\",\"Resource\":\"*\"}]}","setAsDefault":true}"#)
        .answers(r#"{"policyVersion":{"versionId":"v$count_small","isDefaultVersion":true,"createDate":"$long"}}"#),
    call("iam:CreateRole").asks(r#"{"path":"/","roleName":"$service-$hex8","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}","maxSessionDuration":3600}"#)
        .answers(r#"{"role":{"path":"/","roleName":"$service","roleId":"AROA$upper16","arn":"arn:aws:iam::$account:role/$service","createDate":"$long"}}"#),
    call("iam:UpdateAssumeRolePolicy").asks(r#"{"roleName":"$role","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$peer:root\"},\"Action\":\"sts:AssumeRole\"}]}"}"#),
    call("iam:SetDefaultPolicyVersion").asks(r#"{"policyArn":"arn:aws:iam::$account:policy/$policy","versionId":"v$count_small"}"#),
    call("iam:CreateSAMLProvider").asks(r#"{"name":"$service-login","sAMLMetadataDocument":"<?xml version=\"1.0\"?><EntityDescriptor entityID=\"https://$hex12.okta.com/\"/>"}"#).answers(r#"{"sAMLProviderArn":"arn:aws:iam::$account:saml-provider/$service-login"}"#),
    call("iam:CreateOpenIDConnectProvider").asks(r#"{"url":"https://$subject","clientIDList":["sts.amazonaws.com"],"thumbprintList":["$hex40"]}"#).answers(r#"{"openIDConnectProviderArn":"arn:aws:iam::$account:oidc-provider/$subject"}"#),
    call("rolesanywhere:CreateTrustAnchor").asks(r#"{"name":"$service-hosts","enabled":true,"source":{"sourceType":"CERTIFICATE_BUNDLE","sourceData":{"x509CertificateData":"$b64"}}}"#).answers(r#"{"trustAnchor":{"trustAnchorId":"$uuid","name":"$service-hosts","enabled":true}}"#),
    call("rolesanywhere:CreateProfile").asks(r#"{"name":"$service-hosts","enabled":true,"roleArns":["arn:aws:iam::$account:role/$role"],"durationSeconds":3600}"#).answers(r#"{"profile":{"profileId":"$uuid","name":"$service-hosts","enabled":true}}"#),
    call("iam:DeactivateMFADevice").asks(r#"{"userName":"$user","serialNumber":"arn:aws:iam::$account:mfa/$user"}"#),
    call("iam:ChangePassword"),
    // Deployments.
    call("cloudformation:DescribeStacks").asks(r#"{"stackName":"$stack"}"#),
    call("cloudformation:DescribeStackEvents").asks(r#"{"stackName":"$stack"}"#),
    call("cloudformation:GetTemplate").asks(r#"{"stackName":"$stack"}"#),
    call("cloudformation:CreateChangeSet").asks(r#"{"stackName":"$stack","changeSetName":"deploy-$hex12","capabilities":["CAPABILITY_IAM"],"templateURL":"https://s3.$region.amazonaws.com/$bucket/template.json"}"#)
        .answers(r#"{"id":"arn:aws:cloudformation:$region:$account:changeSet/deploy/$uuid","stackId":"arn:aws:cloudformation:$region:$account:stack/$stack/$uuid"}"#),
    call("cloudformation:DescribeChangeSet").asks(r#"{"stackName":"$stack","changeSetName":"deploy-$hex12"}"#),
    call("cloudformation:ExecuteChangeSet").asks(r#"{"stackName":"$stack","changeSetName":"deploy-$hex12"}"#),
    call("ecr:GetAuthorizationToken"),
    call("ecr:BatchGetImage").reads().asks(r#"{"registryId":"$account","repositoryName":"$repo","imageIds":[{"imageTag":"$hex8"}]}"#).on(REPOSITORY),
    call("ecr:DescribeImages").asks(r#"{"registryId":"$account","repositoryName":"$repo"}"#).on(REPOSITORY),
    call("ecr:InitiateLayerUpload").asks(r#"{"registryId":"$account","repositoryName":"$repo"}"#).answers(r#"{"uploadId":"$uuid","partSize":20971520}"#).on(REPOSITORY),
    call("ecr:CompleteLayerUpload").asks(r#"{"registryId":"$account","repositoryName":"$repo","uploadId":"$uuid","layerDigests":["sha256:$hex64"]}"#).on(REPOSITORY),
    call("ecr:PutImage").asks(r#"{"registryId":"$account","repositoryName":"$repo","imageTag":"$hex8","imageManifestMediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#)
        .answers(r#"{"image":{"registryId":"$account","repositoryName":"$repo","imageId":{"imageDigest":"sha256:$hex64","imageTag":"$hex8"}}}"#).on(REPOSITORY),
    call("ecs:DescribeServices").asks(r#"{"cluster":"$cluster","services":["$service"]}"#),
    call("ecs:DescribeTasks").asks(r#"{"cluster":"$cluster","tasks":["$hex32"]}"#),
    call("ecs:RegisterTaskDefinition").asks(r#"{"family":"$service","networkMode":"awsvpc","taskRoleArn":"arn:aws:iam::$account:role/$role","containerDefinitions":[{"name":"$service","image":"$account.dkr.ecr.$region.amazonaws.com/$repo:$hex8"}]}"#),
    call("ecs:UpdateService").asks(r#"{"cluster":"$cluster","service":"$service","taskDefinition":"$service:$count","forceNewDeployment":true}"#),
    call("eks:DescribeCluster").asks(r#"{"name":"$cluster"}"#),
    call("eks:ListNodegroups").asks(r#"{"name":"$cluster"}"#),
    call("eks:AccessKubernetesApi").asks(r#"{"name":"$cluster"}"#),
    // Databases.
    call("rds:DescribeDBInstances").asks(r#"{"maxRecords":100}"#),
    call("rds:DescribeDBSnapshots").asks(r#"{"dBInstanceIdentifier":"$database"}"#),
    call("rds:CreateDBSnapshot").asks(r#"{"dBSnapshotIdentifier":"$database-$hex8","dBInstanceIdentifier":"$database"}"#)
        .answers(r#"{"dBSnapshotIdentifier":"$database-$hex8","dBInstanceIdentifier":"$database","engine":"postgres","status":"creating","encrypted":true}"#),
    call("rds:ModifyDBSnapshotAttribute").asks(r#"{"dBSnapshotIdentifier":"$database-$hex8","attributeName":"restore","valuesToAdd":["$peer"]}"#),
    call("rds:DeleteDBSnapshot").asks(r#"{"dBSnapshotIdentifier":"$database-$hex8"}"#),
    call("rds:RestoreDBInstanceFromDBSnapshot").asks(r#"{"dBInstanceIdentifier":"$database-restored","dBSnapshotIdentifier":"$database-$hex8","publiclyAccessible":false}"#),
    call("rds:ModifyDBInstance").asks(r#"{"dBInstanceIdentifier":"$database","applyImmediately":true,"allocatedStorage":200}"#),
    // Queues and topics.
    call("sqs:GetQueueUrl").asks(r#"{"queueName":"$queue"}"#),
    call("sqs:GetQueueAttributes").asks(r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","attributeNames":["All"]}"#),
    call("sqs:ReceiveMessage").data().reads().asks(r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","maxNumberOfMessages":10}"#),
    call("sqs:SendMessage").data().asks(r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    call("sqs:CreateQueue").asks(r#"{"queueName":"$queue"}"#),
    call("sns:Publish").data().asks(r#"{"topicArn":"arn:aws:sns:$region:$account:$topic","message":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    call("sns:GetTopicAttributes").asks(r#"{"topicArn":"arn:aws:sns:$region:$account:$topic"}"#),
    // Watching and guarding.
    call("cloudtrail:DescribeTrails").asks(r#"{"trailNameList":[],"includeShadowTrails":true}"#),
    call("cloudtrail:GetTrailStatus").asks(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:GetEventSelectors").asks(r#"{"trailName":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:LookupEvents").reads().asks(r#"{"lookupAttributes":[{"attributeKey":"Username","attributeValue":"$user"}],"maxResults":50}"#),
    call("cloudtrail:StopLogging").asks(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:StartLogging").asks(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:DeleteTrail").asks(r#"{"name":"arn:aws:cloudtrail:$region:$account:trail/$trail"}"#),
    call("cloudtrail:UpdateTrail").asks(r#"{"name":"$trail","isMultiRegionTrail":false,"includeGlobalServiceEvents":false}"#)
        .answers(r#"{"name":"$trail","trailARN":"arn:aws:cloudtrail:$region:$account:trail/$trail","isMultiRegionTrail":false,"includeGlobalServiceEvents":false}"#),
    call("cloudtrail:PutEventSelectors").asks(r#"{"trailName":"$trail","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[],"excludeManagementEventSources":[]}]}"#)
        .answers(r#"{"trailARN":"arn:aws:cloudtrail:$region:$account:trail/$trail","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[],"excludeManagementEventSources":[]}]}"#),
    call("config:PutEvaluations").asks(r#"{"resultToken":"HIDDEN_DUE_TO_SECURITY_REASONS","testMode":false}"#),
    call("config:DescribeConfigRules"),
    call("config:StopConfigurationRecorder").asks(r#"{"configurationRecorderName":"default"}"#),
    call("config:SelectResourceConfig").reads().asks(r#"{"expression":"SELECT resourceId WHERE resourceType = 'AWS::EC2::Instance'"}"#),
    call("guardduty:ListFindings").asks(r#"{"detectorId":"$detector","maxResults":50}"#),
    call("guardduty:GetFindings").asks(r#"{"detectorId":"$detector","findingIds":["$hex32"]}"#),
    call("guardduty:GetDetector").asks(r#"{"detectorId":"$detector"}"#),
    call("guardduty:UpdateDetector").asks(r#"{"detectorId":"$detector","enable":false}"#),
    call("guardduty:DeleteDetector").asks(r#"{"detectorId":"$detector"}"#),
    call("guardduty:CreateFilter").asks(r#"{"detectorId":"$detector","name":"$service","action":"ARCHIVE","rank":1,"findingCriteria":{"criterion":{"severity":{"greaterThanOrEqual":1}}}}"#).answers(r#"{"name":"$service"}"#),
    call("guardduty:CreateIPSet").asks(r#"{"detectorId":"$detector","name":"partners","format":"TXT","location":"https://s3.amazonaws.com/$bucket/partners.txt","activate":true}"#).answers(r#"{"ipSetId":"$hex32"}"#),
    call("organizations:DescribeOrganization"),
    call("organizations:ListAccounts").asks(r#"{"maxResults":20}"#),
    call("organizations:LeaveOrganization"),
    call("athena:StartQueryExecution").asks(r#"{"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","workGroup":"primary","queryExecutionContext":{"database":"$service"}}"#).answers(r#"{"queryExecutionId":"$uuid"}"#),
    call("athena:GetQueryExecution").asks(r#"{"queryExecutionId":"$uuid"}"#),
    call("glue:GetTable").asks(r#"{"databaseName":"$service","name":"events"}"#),
    call("account:PutContactInformation").asks(r#"{"contactInformation":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    call("bedrock:InvokeModel").reads().asks(r#"{"modelId":"amazon.titan-text-express-v1"}"#),
    call("bedrock:ListFoundationModels"),
    call("lambda:AddPermission20150331v2").asks(r#"{"functionName":"$function","statementId":"$hex8","action":"lambda:InvokeFunction","principal":"events.amazonaws.com","sourceArn":"arn:aws:events:$region:$account:rule/$service"}"#),
    call("events:PutRule").asks(r#"{"name":"$service","scheduleExpression":"rate(1 hour)","state":"ENABLED"}"#),
    call("events:PutTargets").asks(r#"{"rule":"$service","targets":[{"id":"1","arn":"arn:aws:lambda:$region:$account:function:$function"}]}"#),
    call("logs:PutRetentionPolicy").asks(r#"{"logGroupName":"$log_group","retentionInDays":$days}"#),
    call("ses:VerifyEmailIdentity").asks(r#"{"emailAddress":"$hex8@$service.example"}"#),
    call("backup:DeleteRecoveryPoint").asks(r#"{"backupVaultName":"Default","recoveryPointArn":"arn:aws:backup:$region:$account:recovery-point:$uuid"}"#),
    call("health:DescribeEventAggregates").asks(r#"{"aggregateField":"eventTypeCategory","filter":{"eventStatusCodes":["open","upcoming"]}}"#),
];

/// The calls of a list that is written as one text.
pub(super) fn names(list: &'static str) -> Vec<&'static str> {
    list.split_whitespace().collect()
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(&'static str),
    Slot(&'static str, Slot),
}

/// What a `$name` in a template stands for. Names with digits at the end (`$hex17`) ask for that many characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Hex(usize),
    Upper(usize),
    /// Seventeen hex digits that stay the same within one record: the id of what the call made.
    New,
    Uuid,
    Base64,
    Account,
    Region,
    Me,
    Session,
    SessionKey,
    Mfa,
    Saml,
    External,
    Credential,
    Directory,
    Bucket,
    Key,
    Prefix,
    Table,
    Function,
    Role,
    RoleId,
    Policy,
    PolicyArn,
    User,
    GroupName,
    Secret,
    Parameter,
    Queue,
    Topic,
    LogGroup,
    Instance,
    InstanceType,
    PrivateIp,
    Volume,
    Snapshot,
    Image,
    Group,
    Subnet,
    Vpc,
    Kms,
    Stack,
    Cluster,
    Repo,
    Database,
    Alarm,
    Trail,
    Detector,
    Service,
    Peer,
    PermissionSet,
    Grantee,
    Actions,
    Locked,
    Cidr,
    Port,
    Days,
    Count,
    CountSmall,
    Bytes,
    Millis,
    NowMillis,
    Long,
    Expiry,
    DayPath,
    NewKey,
    OldKey,
    CopyKey,
    Status,
    Subject,
    Provider,
}

impl Slot {
    /// What `name` stands for, if anything.
    pub(super) fn named(name: &str) -> Option<Self> {
        let sized = |prefix: &str| name.strip_prefix(prefix).and_then(|count| count.parse().ok());
        Some(match name {
            "new17" => Self::New,
            "uuid" => Self::Uuid,
            "b64" => Self::Base64,
            "account" => Self::Account,
            "region" => Self::Region,
            "me" => Self::Me,
            "session" => Self::Session,
            "session_key" => Self::SessionKey,
            "mfa" => Self::Mfa,
            "saml" => Self::Saml,
            "external" => Self::External,
            "credential" => Self::Credential,
            "directory" => Self::Directory,
            "bucket" => Self::Bucket,
            "key" => Self::Key,
            "prefix" => Self::Prefix,
            "table" => Self::Table,
            "function" => Self::Function,
            "role" => Self::Role,
            "role_id" => Self::RoleId,
            "policy" => Self::Policy,
            "policy_arn" => Self::PolicyArn,
            "user" => Self::User,
            "group_name" => Self::GroupName,
            "secret" => Self::Secret,
            "parameter" => Self::Parameter,
            "queue" => Self::Queue,
            "topic" => Self::Topic,
            "log_group" => Self::LogGroup,
            "instance" => Self::Instance,
            "instance_type" => Self::InstanceType,
            "private_ip" => Self::PrivateIp,
            "volume" => Self::Volume,
            "snapshot" => Self::Snapshot,
            "image" => Self::Image,
            "group" => Self::Group,
            "subnet" => Self::Subnet,
            "vpc" => Self::Vpc,
            "kms" => Self::Kms,
            "stack" => Self::Stack,
            "cluster" => Self::Cluster,
            "repo" => Self::Repo,
            "database" => Self::Database,
            "alarm" => Self::Alarm,
            "trail" => Self::Trail,
            "detector" => Self::Detector,
            "service" => Self::Service,
            "peer" => Self::Peer,
            "permission_set" => Self::PermissionSet,
            "grantee" => Self::Grantee,
            "actions" => Self::Actions,
            "locked" => Self::Locked,
            "cidr" => Self::Cidr,
            "port" => Self::Port,
            "days" => Self::Days,
            "count" => Self::Count,
            "count_small" => Self::CountSmall,
            "bytes" => Self::Bytes,
            "millis" => Self::Millis,
            "now_ms" => Self::NowMillis,
            "long" => Self::Long,
            "expiry" => Self::Expiry,
            "day" => Self::DayPath,
            "new_key" => Self::NewKey,
            "old_key" => Self::OldKey,
            "copy_key" => Self::CopyKey,
            "status" => Self::Status,
            "subject" => Self::Subject,
            "provider" => Self::Provider,
            _ => return sized("hex").map(Self::Hex).or_else(|| sized("upper").map(Self::Upper)),
        })
    }
}

/// Cuts a template at its slots. A `$name` that is no slot (`$LATEST`) stays as it is; `$regiona` is a region and an
/// `a`, as zones are called.
fn pieces(template: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    let mut searched = 0;
    while let Some(found) = rest[searched..].find('$').map(|offset| searched + offset) {
        let name = &rest[found + 1..];
        let longest = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let slot = (1..=longest).rev().find_map(|length| Some((length, Slot::named(&name[..length])?)));
        let Some((length, slot)) = slot else {
            searched = found + 1;
            continue;
        };
        if found > 0 {
            pieces.push(Piece::Text(&rest[..found]));
        }
        pieces.push(Piece::Slot(&name[..length], slot));
        rest = &name[length..];
        searched = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// A call, ready to be rendered.
pub(super) struct Call {
    /// `ec2`, the first part of the event source.
    pub(super) service: String,
    /// `DescribeInstances`, the event name.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) read_only: bool,
    /// Where the call is logged when not in the caller's region: global services log in us-east-1.
    pub(super) is_global: bool,
    pub(super) request: Vec<Piece>,
    pub(super) response: Vec<Piece>,
    /// Empty: the record has no `resources`.
    pub(super) resources: Vec<Piece>,
    /// Empty: the record has no `additionalEventData`.
    pub(super) additional: Vec<Piece>,
}

/// All calls by number.
pub(super) struct Catalogue {
    calls: Vec<Call>,
    by_name: HashMap<String, CallId>,
}

impl Catalogue {
    /// The rows above.
    pub(super) fn new() -> Self {
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
            read_only: row.read_only.unwrap_or_else(|| reads_by_name(name)),
            is_global: matches!(
                service,
                "iam" | "organizations" | "signin" | "sso" | "health" | "account" | "ce" | "route53"
            ),
            request: pieces(row.request),
            response: pieces(row.response),
            resources: pieces(row.resources),
            additional: pieces(row.additional),
        });
        id
    }

    /// The number of `service:EventName`; a call that no row describes is added without parameters.
    pub(super) fn id(&mut self, name: &'static str) -> CallId {
        match self.by_name.get(name) {
            Some(id) => *id,
            None => self.add(&call(name)),
        }
    }

    /// The call of that number.
    pub(super) fn call(&self, id: CallId) -> &Call {
        &self.calls[usize::from(id)]
    }
}

fn reads_by_name(name: &str) -> bool {
    ["Get", "List", "Describe", "Head", "BatchGet", "Lookup", "Search", "View"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_cut_at_known_names_only() {
        assert_eq!(
            pieces("a$regiona [$LATEST]$hex8"),
            [
                Piece::Text("a"),
                Piece::Slot("region", Slot::Region),
                Piece::Text("a [$LATEST]"),
                Piece::Slot("hex8", Slot::Hex(8)),
            ]
        );
        assert_eq!(pieces("$session_key"), [Piece::Slot("session_key", Slot::SessionKey)]);
    }

    #[test]
    fn unknown_call_is_added_and_reads_by_its_verb() {
        let mut catalogue = Catalogue::new();
        let id = catalogue.id("ec2:DescribeHosts");
        assert_eq!(id, catalogue.id("ec2:DescribeHosts"));
        assert!(catalogue.call(id).read_only);
        assert!(catalogue.call(id).resources.is_empty());
    }

    #[test]
    fn no_call_is_described_twice() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
