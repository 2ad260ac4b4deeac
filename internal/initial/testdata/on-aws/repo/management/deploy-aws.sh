#!/bin/bash
ENVIRONMENT=$1
REGION=${AWS_REGION:-eu-west-1}
CLUSTER=shared-docker-cluster-t3
TAG=`git describe --abbrev=0 --tags`
TASK_DEF="[{\"name\": \"wt-read-api\",
  \"image\": \"029479441096.dkr.ecr.eu-west-1.amazonaws.com/wt-read-api:$TAG-$ENVIRONMENT\",
  \"memory\": 256, \"memoryReservation\": 128, \"cpu\": 128,
  \"command\": [\"node\", \"src/index.js\", \"--env=$ENVIRONMENT\"],
  \"portMappings\": [{\"hostPort\": 0, \"containerPort\": 3000, \"protocol\": \"tcp\"}, {\"hostPort\": 0, \"containerPort\": 9229}],
  \"ulimits\": [{\"name\": \"nofile\", \"softLimit\": 1024, \"hardLimit\": 4096}],
  \"mountPoints\": [],
  \"logConfiguration\": {\"logDriver\": \"awslogs\", \"options\": {
     \"awslogs-group\": \"$CLUSTER\", \"awslogs-region\": \"$REGION\", \"awslogs-stream-prefix\": \"$ENVIRONMENT-wt-read-api\"}}
}]"
aws --region $REGION ecs register-task-definition --family "$ENVIRONMENT-wt-read-api" --container-definitions "$TASK_DEF" --task-role-arn arn:aws:iam::029479441096:role/wt-read-api
aws --region $REGION ecs update-service --cluster $CLUSTER --service "$ENVIRONMENT-wt-read-api" --task-definition "$ENVIRONMENT-wt-read-api" --desired-count 2 --force-new-deployment
aws --region $REGION ecs wait services-stable --cluster $CLUSTER --services "$ENVIRONMENT-wt-read-api"
