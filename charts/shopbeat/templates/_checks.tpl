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
{{- end -}}
