-- Up to 100 records that could not be read.
SELECT object, byte_offset, reason
FROM rejects
ORDER BY object, byte_offset
LIMIT 100
