SELECT object, byte_offset, reason
FROM rejects
ORDER BY object, byte_offset
LIMIT 100
