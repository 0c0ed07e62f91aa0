-- Identified calls. Daily summaries and the views below them read `identified_calls`.
SELECT * FROM identified_calls
