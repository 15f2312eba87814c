// SPDX-License-Identifier: BSD-2-Clause
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	admissionapi "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// webhook answers an API server that cannot evaluate the policy itself.
type webhook struct {
	evaluator *evaluator
	server    string // the API server's URL, to ask it for namespaces
	token     string
	client    *http.Client
}

// labels are the namespace's, as the API server hands them to a policy.
func (w *webhook) labels(ctx context.Context, namespace string) (map[string]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		w.server+"/api/v1/namespaces/"+namespace, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+w.token)
	answer, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("namespace %s: %s", namespace, answer.Status)
	}
	var object corev1.Namespace
	err = json.NewDecoder(answer.Body).Decode(&object)
	return object.Labels, err
}

// patch is what the policy makes of the pod, as a JSON patch.
func (w *webhook) patch(ctx context.Context, request *admissionapi.AdmissionRequest) ([]byte, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(request.Object.Raw, &pod); err != nil {
		return nil, err
	}
	labels, err := w.labels(ctx, request.Namespace)
	if err != nil {
		return nil, err
	}
	got, err := w.evaluator.admit(&pod, labels)
	if err != nil {
		return nil, err
	}
	return json.Marshal([]map[string]interface{}{
		{"op": "replace", "path": "/spec", "value": got.Spec}})
}

func (w *webhook) ServeHTTP(to http.ResponseWriter, from *http.Request) {
	var review admissionapi.AdmissionReview
	text, err := io.ReadAll(from.Body)
	if err == nil {
		err = json.Unmarshal(text, &review)
	}
	if err != nil || review.Request == nil {
		http.Error(to, fmt.Sprint("no AdmissionReview: ", err),
			http.StatusBadRequest)
		return
	}
	kind := admissionapi.PatchTypeJSONPatch
	answer := &admissionapi.AdmissionResponse{UID: review.Request.UID}
	answer.Patch, err = w.patch(from.Context(), review.Request)
	if err == nil {
		answer.Allowed, answer.PatchType = true, &kind
	} else {
		answer.Result = &metav1.Status{Message: err.Error()}
	}
	review.Request, review.Response = nil, answer
	to.Header().Set("Content-Type", "application/json")
	json.NewEncoder(to).Encode(&review)
}

// serve does it for ever, on ADDRESS with the certificate and key.
func serve(e *evaluator, address, certificate, key, server, token string) error {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return http.ListenAndServeTLS(address, certificate, key, &webhook{
		evaluator: e, server: server, token: token,
		client: &http.Client{Transport: transport}})
}
