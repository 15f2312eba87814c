// SPDX-License-Identifier: BSD-2-Clause

// Evaluate contrib/kubernetes/admission/policy.yaml on pods, with the code of
// the API server itself (k8s.io/apiserver), and compare what comes out.
//
//	main POLICY CASES
//	main POLICY serve ADDRESS:PORT CERTIFICATE KEY SERVER TOKEN
//
// The second evaluates it for an API server that is too old to do so: a webhook,
// which asks SERVER for the labels of namespaces.
// CASES: YAML documents, each with name, around (the labels of the namespace),
// pod, and want (the pod's spec afterwards; none: as before).
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"
)

type testCase struct {
	Name   string            `json:"name"`
	Around map[string]string `json:"around"`
	Pod    corev1.Pod        `json:"pod"`
	Want   *corev1.PodSpec   `json:"want"`
}

var (
	podKind     = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	podResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// evaluator is what the API server makes of a policy.
type evaluator struct {
	compiler *cel.CompositedCompiler
	matcher  matchconditions.Matcher
	patchers []patch.Patcher
	scheme   *runtime.Scheme
}

func compile(policy *admissionv1.MutatingAdmissionPolicy) (*evaluator, error) {
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(
		environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	result := &evaluator{compiler: compiler, scheme: runtime.NewScheme()}
	if err := corev1.AddToScheme(result.scheme); err != nil {
		return nil, err
	}
	var variables []cel.NamedExpressionAccessor
	for _, v := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{
			Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, options,
		environment.StoredExpressions)
	var conditions []cel.ExpressionAccessor
	for i := range policy.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(
			&policy.Spec.MatchConditions[i]))
	}
	result.matcher = matchconditions.NewMatcher(compiler.CompileCondition(
		conditions, options, environment.StoredExpressions),
		policy.Spec.FailurePolicy, "policy", "mutating", policy.Name)
	options.HasPatchTypes = true
	for _, m := range policy.Spec.Mutations {
		result.patchers = append(result.patchers, patch.NewJSONPatcher(
			compiler.CompileMutatingEvaluator(&patch.JSONPatchCondition{
				Expression: m.JSONPatch.Expression}, options,
				environment.StoredExpressions)))
	}
	return result, nil
}

func (e *evaluator) attributes(object runtime.Object) *admission.VersionedAttributes {
	return &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(object, nil, podKind,
			"demo", "pod", podResource, "", admission.Create,
			&metav1.CreateOptions{}, false, nil),
		VersionedKind:   podKind,
		VersionedObject: object,
	}
}

// admit is what becomes of the pod.
func (e *evaluator) admit(pod *corev1.Pod, around map[string]string) (*corev1.Pod, error) {
	ctx := e.compiler.CreateContext(context.Background())
	match := e.matcher.Match(ctx, e.attributes(pod), nil, nil)
	if match.Error != nil || !match.Matches {
		return pod, match.Error
	}
	var object runtime.Object = pod
	for i, patcher := range e.patchers {
		patched, err := patcher.Patch(ctx, patch.Request{
			MatchedResource:     podResource,
			VersionedAttributes: e.attributes(object),
			ObjectInterfaces:    admission.NewObjectInterfacesFromScheme(e.scheme),
			Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
				Name: "demo", Labels: around}},
		}, celconfig.RuntimeCELCostBudget)
		if err != nil {
			return nil, fmt.Errorf("mutation %d: %w", i, err)
		}
		object = patched
	}
	return object.(*corev1.Pod), nil
}

func read(path string, into interface{}) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return yaml.UnmarshalStrict(text, into)
}

// judge says what is wrong, or "".
func (e *evaluator) judge(test *testCase) string {
	want := test.Want
	if want == nil {
		want = test.Pod.Spec.DeepCopy()
	}
	test.Pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	got, err := e.admit(&test.Pod, test.Around)
	if err != nil {
		return err.Error()
	}
	if !reflect.DeepEqual(&got.Spec, want) {
		text, _ := yaml.Marshal(got.Spec)
		return "it became\n" + string(text)
	}
	again, err := e.admit(got, test.Around)
	if err != nil || !reflect.DeepEqual(again, got) {
		return fmt.Sprint("a second time it is another: ", err)
	}
	return ""
}

func run() error {
	var policy admissionv1.MutatingAdmissionPolicy
	if err := read(os.Args[1], &policy); err != nil {
		return err
	}
	e, err := compile(&policy)
	if err != nil {
		return err
	}
	if len(os.Args) == 8 && os.Args[2] == "serve" {
		return serve(e, os.Args[3], os.Args[4], os.Args[5], os.Args[6],
			os.Args[7])
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	passed, failed := 0, 0
	for _, document := range strings.Split(string(text), "\n---\n") {
		var test testCase
		if err := yaml.UnmarshalStrict([]byte(document), &test); err != nil {
			return err
		}
		if wrong := e.judge(&test); wrong == "" {
			fmt.Println("ok  ", test.Name)
			passed++
		} else {
			fmt.Println("FAIL", test.Name+":", wrong)
			failed++
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "admission:", err)
		os.Exit(1)
	}
}
