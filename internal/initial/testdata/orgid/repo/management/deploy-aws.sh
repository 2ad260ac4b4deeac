#!/bin/bash
TAG=$(git describe --abbrev=0 --tags)
deploy() {
  aws ecs register-task-definition --region eu-west-1 --family $ENVIRONMENT-$1 --container-definitions "$2"
  aws ecs update-service --region eu-west-1 --cluster shared-docker-cluster-t3 --service $ENVIRONMENT-$1 --task-definition $ENVIRONMENT-$1
}
deploy orgid-cache '[{"name":"orgid-cache","image":"029479441096.dkr.ecr.eu-west-1.amazonaws.com/orgid-cache:'$TAG-$ENVIRONMENT'","memoryReservation":128,"portMappings":[{"containerPort":1918,"hostPort":0}]}]'
deploy orgid-cache-scraper '[{"name":"scraper","image":"029479441096.dkr.ecr.eu-west-1.amazonaws.com/orgid-cache-scraper:'$TAG-$ENVIRONMENT'","memoryReservation":64}]'
