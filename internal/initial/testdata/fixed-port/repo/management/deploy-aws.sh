#!/bin/sh
# usage: deploy-aws.sh ENV
cd "$(dirname "$0")/.."
aws ecs register-task-definition --cli-input-json file://management/task.json
aws ecs update-service --cluster web --service front --task-definition front
