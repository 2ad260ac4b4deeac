"""Follows a log group as `aws logs tail --follow` of the CLI's version 2 does: it asks
FilterLogEvents from the time of the last event on, leaves out the ids that it has
seen, and follows tokens. Ends after a number of lines."""

import sys
import time

import boto3

logs = boto3.client("logs")
group, count = sys.argv[1], int(sys.argv[2])
asked = {"logGroupName": group, "startTime": int((time.time() - 600) * 1000)}
seen, shown = set(), 0
while shown < count:
    page = logs.filter_log_events(**asked)
    for event in page["events"]:
        if event["eventId"] in seen:
            continue
        seen.add(event["eventId"])
        shown += 1
        print(event["message"], flush=True)
        asked["startTime"] = event["timestamp"]
    asked.pop("nextToken", None)
    if "nextToken" in page:
        asked["nextToken"] = page["nextToken"]
    else:
        time.sleep(0.2)
