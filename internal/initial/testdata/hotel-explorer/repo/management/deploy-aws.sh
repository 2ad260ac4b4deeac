#!/bin/bash
set -e
ENVIRONMENT=$1

TASK_FAMILY="$ENVIRONMENT-wt-hotel-explorer"
SERVICE_NAME="$ENVIRONMENT-wt-hotel-explorer"
AWS_REGION="eu-west-1"
LATEST_TAG=`git describe --abbrev=0 --tags`

if [ "$ENVIRONMENT" = "demo" ]; then
  HOST=demo-explorer.windingtree.com
  MEMORY=128
else
  HOST=explorer.windingtree.com
  MEMORY=64
fi

TASK_DEF="[{\"portMappings\": [{\"hostPort\": 0,\"protocol\": \"tcp\",\"containerPort\": 8080}],
    \"environment\": [],
    \"image\": \"docker.io/windingtree/wt-hotel-explorer:$LATEST_TAG-$ENVIRONMENT\",
    \"name\": \"wt-hotel-explorer\",
    \"memoryReservation\": $MEMORY,
    \"cpu\": 128
  }]"

aws ecs register-task-definition --region $AWS_REGION --family $TASK_FAMILY --container-definitions "$TASK_DEF" > /dev/null
aws ecs update-service --region $AWS_REGION --cluster shared-docker-cluster-t3 --service "$SERVICE_NAME" --task-definition "$TASK_FAMILY" > /dev/null

# wait until it is there
while : ; do
  EVENT=$(aws ecs describe-services --region $AWS_REGION --cluster shared-docker-cluster-t3 --services "$SERVICE_NAME" --query 'services[0].events[0].message')
  if [[ "$EVENT" =~ steady|draining|deregistered ]]; then
    break
  fi
  sleep 10
done

curl -X DELETE "https://api.cloudflare.com/client/v4/zones/$ZONE/purge_cache" \
  -H "X-Auth-Email: $CLOUDFLARE_EMAIL" -H "X-Auth-Key: $CLOUDFLARE_KEY" \
  --data "{\"files\": [\"https://$HOST/index.html\"]}"
