#!/bin/bash
ENVIRONMENT=$1

# AWS command opts
TASK_FAMILY="$ENVIRONMENT-wt-demo-app"
SERVICE_NAME="$ENVIRONMENT-wt-demo-app"
AWS_REGION="eu-west-1"

# container setup options
LATEST_TAG=`git describe --abbrev=0 --tags`

# container startup options
WT_CONFIG=$ENVIRONMENT
INFURA_API_KEY=$INFURA_API_KEY # This can be passed from encrypted Travis ENV VARs

# Change port, environment variables, memoryReservation and cpu to be in line with your task
# definition.
TASK_DEF="[{\"portMappings\": [{\"hostPort\": 0,\"protocol\": \"tcp\",\"containerPort\": 8000}],
    \"environment\": [
      {
        \"name\": \"INFURA_API_KEY\",
        \"value\": \"$INFURA_API_KEY\"
      },
      {
        \"name\": \"WT_CONFIG\",
        \"value\": \"$WT_CONFIG\"
      }
    ],
    \"image\": \"xxxxxx.dkr.ecr.region.amazonaws.com/wt-demo-app:$LATEST_TAG-$ENVIRONMENT\",
    \"name\": \"wt-demo-app\",
    \"memoryReservation\": 128,
    \"cpu\": 128
  }]"

echo "Updating task definition"
aws ecs register-task-definition --region $AWS_REGION --family $TASK_FAMILY --container-definitions "$TASK_DEF" > /dev/null
echo "Updating service"
aws ecs update-service --region $AWS_REGION --cluster shared-docker-cluster-t3 --service "$SERVICE_NAME" --task-definition "$TASK_FAMILY" > /dev/null

