{{- define "shopbeat.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough that every suffix of the chart still fits a label. */}}
{{- define "shopbeat.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "shopbeat.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "shopbeat.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component: (list $ "sync"). Never changes over an upgrade. */}}
{{- define "shopbeat.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "shopbeat.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* All labels of a component's resource: (list $ "sync"), and more of its own: (list $ "sync" labels). */}}
{{- define "shopbeat.labels" -}}
{{- $root := index . 0 -}}
{{- $more := dict -}}
{{- if gt (len .) 2 }}{{ $more = index . 2 }}{{ end -}}
{{ include "shopbeat.selector" . }}
app.kubernetes.io/part-of: shopbeat
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with mergeOverwrite (dict) $root.Values.commonLabels $more }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a component's pods: (list $ "sync" podLabels). The version is not among them: it would restart pods. */}}
{{- define "shopbeat.podLabels" -}}
{{- $root := index . 0 -}}
{{ include "shopbeat.selector" . }}
app.kubernetes.io/part-of: shopbeat
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- with mergeOverwrite (dict) $root.Values.commonLabels (index . 2) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image's reference: (list imageValues defaultTag). */}}
{{- define "shopbeat.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default (index . 1) $image.tag }}
{{- end -}}
{{- end -}}

{{- define "shopbeat.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "shopbeat.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Where a component may run: its values. */}}
{{- define "shopbeat.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "shopbeat.stateSecret" -}}
{{- default (printf "%s-state" (include "shopbeat.fullname" .)) .Values.state.existingSecret -}}
{{- end -}}

{{- define "shopbeat.tokensSecret" -}}
{{- default (printf "%s-tokens" (include "shopbeat.fullname" .)) .Values.auth.existingSecret -}}
{{- end -}}

{{- define "shopbeat.operatorTokenSecret" -}}
{{- default (printf "%s-operator-token" (include "shopbeat.fullname" .)) .Values.auth.operatorTokenSecret -}}
{{- end -}}

{{/* Empty if there is none. */}}
{{- define "shopbeat.cliTokenSecret" -}}
{{- if .Values.auth.cliTokenSecret -}}
{{- .Values.auth.cliTokenSecret -}}
{{- else if not .Values.auth.existingSecret -}}
{{- printf "%s-cli-token" (include "shopbeat.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "shopbeat.grpcUrl" -}}
{{- printf "%s://%s-grpc.%s.svc:%d" (ternary "https" "http" .Values.tls.enabled) (include "shopbeat.fullname" .) .Release.Namespace (int .Values.sync.service.grpcPort) -}}
{{- end -}}

{{/* Where the operator calls. */}}
{{- define "shopbeat.serviceUrl" -}}
{{- default (include "shopbeat.grpcUrl" .) .Values.operator.serviceUrl -}}
{{- end -}}

{{- define "shopbeat.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{- .Values.publicUrl -}}
{{- else if and .Values.ingress.enabled .Values.ingress.host -}}
https://{{ .Values.ingress.host }}
{{- else if and .Values.gateway.enabled .Values.gateway.host -}}
https://{{ .Values.gateway.host }}
{{- end -}}
{{- end -}}

{{- define "shopbeat.redisHost" -}}
{{ include "shopbeat.fullname" . }}-redis
{{- end -}}

{{/* Its settings, but for the password. */}}
{{- define "shopbeat.redisConf" -}}
bind * -::*
port 6379
dir /data
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
{{- end -}}

{{/*
A secret text that is made once and kept over upgrades: (list $ secret key fresh). It is looked up in the cluster, and
remembered for this rendering, so that every template sees the same.
*/}}
{{- define "shopbeat.kept" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}{{- $key := index . 2 -}}
{{- $slot := printf "%s/%s" $name $key -}}
{{- if not (hasKey $root.Values "madeOnce") -}}
{{- $_ := set $root.Values "madeOnce" dict -}}
{{- end -}}
{{- if not (hasKey $root.Values.madeOnce $slot) -}}
{{- $there := lookup "v1" "Secret" $root.Release.Namespace $name -}}
{{- $data := default dict ($there | default dict).data -}}
{{- $_ := set $root.Values.madeOnce $slot (hasKey $data $key | ternary (get $data $key | b64dec) (index . 3)) -}}
{{- end -}}
{{- get $root.Values.madeOnce $slot -}}
{{- end -}}

{{- define "shopbeat.masterKey" -}}
{{- include "shopbeat.kept" (list . (printf "%s-master-key" (include "shopbeat.fullname" .)) "master-key" (randBytes 32)) -}}
{{- end -}}

{{- define "shopbeat.redisPassword" -}}
{{- include "shopbeat.kept" (list . (printf "%s-redis" (include "shopbeat.fullname" .)) "password" (randAlphaNum 32)) -}}
{{- end -}}

{{- define "shopbeat.token" -}}
{{- $root := index . 0 -}}
{{- include "shopbeat.kept" (list $root (printf "%s-%s-token" (include "shopbeat.fullname" $root) (index . 1)) "token" (randAlphaNum 48)) -}}
{{- end -}}

{{- define "shopbeat.tlsSecret" -}}
{{- default (printf "%s-tls" (include "shopbeat.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{/*
The certificate that the chart makes, as JSON. It names the Service in every way it is called, and this machine, for
those who come by `kubectl port-forward`.
*/}}
{{- define "shopbeat.certificate" -}}
{{- if not (hasKey .Values "madeCertificate") -}}
{{- $name := printf "%s-grpc" (include "shopbeat.fullname" .) -}}
{{- $data := default dict (lookup "v1" "Secret" .Release.Namespace (include "shopbeat.tlsSecret" .) | default dict).data -}}
{{- if hasKey $data "ca.crt" -}}
{{- $_ := set .Values "madeCertificate" (dict "ca" (get $data "ca.crt" | b64dec) "cert" (get $data "tls.crt" | b64dec) "key" (get $data "tls.key" | b64dec)) -}}
{{- else -}}
{{- $ca := genCA (printf "%s-ca" $name) 3650 -}}
{{- $within := printf "%s.%s" $name .Release.Namespace -}}
{{- $names := list $name $within (printf "%s.svc" $within) (printf "%s.svc.cluster.local" $within) "localhost" -}}
{{- $made := genSignedCert $name (list "127.0.0.1") $names 3650 $ca -}}
{{- $_ := set .Values "madeCertificate" (dict "ca" $ca.Cert "cert" $made.Cert "key" $made.Key) -}}
{{- end -}}
{{- end -}}
{{- .Values.madeCertificate | toJson -}}
{{- end -}}

{{/*
Changes when pods must be started anew because of what they read at their start. Made of values, not of Secrets: those
are made anew where no cluster can be asked. Cut short, so that no password can be guessed from it.
*/}}
{{- define "shopbeat.revision" -}}
{{- $v := .Values -}}
{{- list (include "shopbeat.env" .) $v.state $v.auth $v.tls | toJson | sha256sum | trunc 10 -}}
{{- end -}}
