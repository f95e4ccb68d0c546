{{/* What the schema cannot say: values that contradict each other. */}}
{{- define "shopbeat.checks" -}}
{{- $v := .Values -}}
{{- $states := 0 -}}
{{- if $v.state.existingSecret }}{{ $states = add1 $states }}{{ end -}}
{{- if $v.state.redisUrl }}{{ $states = add1 $states }}{{ end -}}
{{- if $v.bundledRedis.enabled }}{{ $states = add1 $states }}{{ end -}}
{{- if ne (int $states) 1 -}}
{{- fail "state: give exactly one of state.existingSecret (a Secret with SHOPBEAT_REDIS_URL and SHOPBEAT_MASTER_KEY), state.redisUrl, or bundledRedis.enabled=true for trying out" -}}
{{- end -}}
{{- if and $v.operator.enabled (ne (empty $v.auth.existingSecret) (empty $v.auth.operatorTokenSecret)) -}}
{{- fail "auth: existingSecret and operatorTokenSecret belong together: the operator's token must be in the tokens file" -}}
{{- end -}}
{{- if and $v.auth.cliTokenSecret (not $v.auth.existingSecret) -}}
{{- fail "auth: cliTokenSecret goes with existingSecret: the token must be in the tokens file" -}}
{{- end -}}
{{- if and $v.auth.tokens $v.auth.existingSecret -}}
{{- fail "auth: tokens go into the tokens file that the chart makes; with existingSecret put them into that Secret" -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- fail "ingress: give ingress.host" -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.tlsSecret) (not $v.ingress.annotations) (not $v.publicUrl) -}}
{{- fail "ingress: Shopify and Rackbeat call https only: give ingress.tlsSecret, annotations by which your controller gets a certificate, or publicUrl if TLS ends before it" -}}
{{- end -}}
{{- if and $v.gateway.enabled (or (not $v.gateway.host) (not $v.gateway.parentRefs)) -}}
{{- fail "gateway: give gateway.host and gateway.parentRefs" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (or $v.ingress.enabled $v.gateway.enabled) (not $v.networkPolicy.webhooksFrom) -}}
{{- fail "networkPolicy: give networkPolicy.webhooksFrom: without it no webhook would get in" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (not $v.bundledRedis.enabled) (not $v.networkPolicy.redisTo) -}}
{{- fail "networkPolicy: give networkPolicy.redisTo: without it the service could not reach Redis" -}}
{{- end -}}
{{- $port := regexFind ":[0-9]+$" (urlParse $v.state.redisUrl).host | trimPrefix ":" | default "6379" -}}
{{- if and $v.networkPolicy.enabled $v.state.redisUrl (ne $port (int $v.networkPolicy.redisPort | toString)) -}}
{{- fail (printf "networkPolicy: set networkPolicy.redisPort to %s, the port in state.redisUrl: no other is let through" $port) -}}
{{- end -}}
{{- range $name, $url := dict "publicUrl" $v.publicUrl "remotes.shopifyUrl" $v.remotes.shopifyUrl "remotes.rackbeatUrl" $v.remotes.rackbeatUrl -}}
{{- if and (hasPrefix "http:" $url) (not $v.remotes.insecure) (not (regexMatch "^http://(localhost|127[.])" $url)) -}}
{{- fail (printf "%s: the service does not start with plain http: make it https, or set remotes.insecure for a sandbox" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $v.remotes.rackbeatUnpaced (regexMatch "^https?://[^/]*rackbeat[.]com(:|/|$)" $v.remotes.rackbeatUrl) -}}
{{- fail "remotes: rackbeatUnpaced would get the account locked out of Rackbeat: leave it out" -}}
{{- end -}}
{{- if contains "*" (include "shopbeat.publicUrl" .) -}}
{{- fail "publicUrl: give the one address that Shopify and Rackbeat call: the host of ingress or gateway stands for many" -}}
{{- end -}}
{{- if eq (int $v.sync.ports.grpc) (int $v.sync.ports.http) -}}
{{- fail "sync.ports: grpc and http are two ports: give them two numbers" -}}
{{- end -}}
{{- if and $v.sync.autoscaling.enabled (gt (int $v.sync.autoscaling.minReplicas) (int $v.sync.autoscaling.maxReplicas)) -}}
{{- fail "sync.autoscaling: minReplicas is more than maxReplicas: raise the one or lower the other" -}}
{{- end -}}
{{- $own := merge (include "shopbeat.ownEnv" . | fromYaml) (dict "SHOPBEAT_REDIS_URL" "" "SHOPBEAT_MASTER_KEY" "" "SHOPBEAT_PREVIOUS_MASTER_KEYS" "") -}}
{{- range $name, $_ := $v.workers.env -}}
{{- if hasKey $own $name -}}
{{- fail (printf "workers.env: %s has a value of its own: set it by state, remotes, contact or log" $name) -}}
{{- end -}}
{{- end -}}
{{- if $v.operator.enabled -}}
{{- range (lookup "v1" "ServiceAccount" .Release.Namespace "").items -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $instance := get $labels "app.kubernetes.io/instance" -}}
{{- if and (eq (get $labels "app.kubernetes.io/part-of") "shopbeat") (eq (get $labels "app.kubernetes.io/component") "operator") (ne $instance $.Release.Name) -}}
{{- fail (printf "the namespace %s has the release %s already: give this one a namespace of its own, since two operators in one would undo each other's work" $.Release.Namespace $instance) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
