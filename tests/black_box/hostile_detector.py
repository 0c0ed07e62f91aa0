"""A detector whose texts are all hostile, as texts written by callers may be: for tests of report formats."""

TEMPLATE = """/*
title      = '''HOSTILE'''
severity   = "critical"
confidence = "high"
attack     = ["T1078.004"]
why        = '''HOSTILE'''
benign     = ['''HOSTILE''']
respond    = ['''HOSTILE''']
*/
SELECT
  min(event_time) AS first_time, max(event_time) AS last_time,
  'actor' AS entity_type, $$HOSTILE$$ || actor AS entity, $$HOSTILE$$ AS account_id, $$HOSTILE$$ AS region,
  1.0 AS score, $$HOSTILE$$ AS summary, evidence(event_id, event_time) AS evidence,
  $$HOSTILE$$ AS baseline_word, $$HOSTILE$$ AS detail
FROM calls
WHERE event_time >= $from AND event_time < $to
GROUP BY actor
"""


def hostile_detector(text: str) -> str:
    """The detector with `text`, which must not contain three apostrophes, as all its texts."""
    literal = "'" + text.replace("'", "''") + "'"
    return TEMPLATE.replace("$$HOSTILE$$", literal).replace("HOSTILE", text)
