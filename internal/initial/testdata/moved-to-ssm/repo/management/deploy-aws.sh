#!/bin/bash
ENVIRONMENT=$1
UPPER=${ENVIRONMENT^^}
DB_URL_VAR="${UPPER}_DB_URL"
DB_URL=${!DB_URL_VAR}
LOG_LEVEL=info
LATEST_TAG=$(git describe --abbrev=0 --tags)

TASK_DEF=$(cat <<JSON
[
  {
    "name": "update-api",
    "image": "029479441096.dkr.ecr.eu-west-1.amazonaws.com/wt-notification-api:$LATEST_TAG",
    "memoryReservation": 64,
    "cpu": 0,
    "portMappings": [ { "hostPort": 0, "containerPort": 8008 } ],
    "environment": [
      { "name": "NETWORK", "value": "$ENVIRONMENT" },
      { "name": "DB_URL", "value": "$DB_URL" },
      { "name": "DB_PASSWORD", "value": "hunter2" },
      { "name": "LOG_LEVEL", "value": "$LOG_LEVEL" },
      { "name": "RATIO", "value": "1.10" },
      { "name": "BASE_URL", "value": "https://$ENVIRONMENT-api.windingtree.com" },
      { "name": "DSN", "value": "postgres://app:$DB_PASS@db/x" }
    ]
  }
]
JSON
)
aws ecs register-task-definition --region eu-west-1 --family $ENVIRONMENT-update-api --container-definitions "$TASK_DEF"
aws ecs update-service --region eu-west-1 --cluster shared-docker-cluster-t3 --service $ENVIRONMENT-update-api --task-definition $ENVIRONMENT-update-api
