/*
title = "New users, roles, access keys and passwords, and who created them"
[params]
rows = { default = 1000, help = "maximum number of rows" }
*/
SELECT
  event_time,
  account_id,
  actor,
  api,
  json_get_str(request_parameters, 'userName') AS user_name,
  json_get_str(request_parameters, 'roleName') AS role_name,
  json_get_str(response_elements, 'accessKey', 'accessKeyId') AS access_key_id,
  error_code,
  source_ip_address,
  ip_country(source_ip_address) AS country,
  event_id
FROM calls
WHERE event_source = 'iam.amazonaws.com'
  AND api IN (
    'CreateUser', 'CreateRole', 'CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile',
    'CreateServiceSpecificCredential', 'UploadSigningCertificate', 'UploadSSHPublicKey', 'CreateSAMLProvider',
    'CreateOpenIDConnectProvider'
  )
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
