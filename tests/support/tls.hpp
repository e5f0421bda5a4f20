// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: TLS contexts with a certificate made on the spot, so that
// nothing secret and nothing that expires is kept. Thread: any, before use. Lifetime: the
// contexts are the caller's.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace asio_uring::test {

inline boost::asio::ssl::context make_tls_server()
{
    constexpr long lifetime_s = 3600;
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    BOOST_TEST_REQUIRE((key && certificate));
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -lifetime_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lifetime_s);
    X509_set_pubkey(certificate.get(), key.get());
    BOOST_TEST_REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

    boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
    BOOST_TEST_REQUIRE(
        SSL_CTX_use_certificate(context.native_handle(), certificate.get()) == 1);
    BOOST_TEST_REQUIRE(SSL_CTX_use_PrivateKey(context.native_handle(), key.get()) == 1);
    return context;
}

/// Encrypts, and trusts whoever answers.
inline boost::asio::ssl::context make_tls_client()
{
    return boost::asio::ssl::context(boost::asio::ssl::context::tls_client);
}

} // namespace asio_uring::test
